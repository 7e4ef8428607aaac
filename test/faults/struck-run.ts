import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { journaledPairOf, pairOf } from '#customer-relationship';
import { readLedger, type RecordedEvent } from '#event-sourcing';
import { viewsFileIn } from '#projector';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { callersOf, logOf } from './callers.js';
import type { Observe } from './observed-run.js';
import { contents, replay } from './projector-process.js';
import { problemsOfChains, problemsOfRecord } from './records.js';
import { patienceMs, type Scene, type SetUp } from './scenes.js';

const commandsBetweenStrikes = 100;
/** Acceptances and refusals that every run has. */
const atLeastOfEach = 20;

export interface StruckRunOptions {
  readonly setUp: SetUp;
  /** For how long something befalls the servers while callers are at work; but everything at least once. */
  readonly seconds: number;
  readonly observers: Readonly<Record<string, Observe>>;
  readonly onProgress?: (what: string) => void;
}

export interface StruckRun {
  readonly figures: readonly (readonly [what: string, figure: number])[];
  /** Empty when every promise was kept. */
  readonly problems: readonly string[];
}

/**
 * 32 callers at work on servers that something befalls at random moments; then every key asked once more at every server,
 * the log held to what was answered, and every server's views to the log.
 */
export async function struckRun({
  setUp,
  seconds,
  observers,
  onProgress = () => {},
}: StruckRunOptions): Promise<StruckRun> {
  const directory = mkdtempSync(join(tmpdir(), 'struck-run-'));
  const scene = await setUp(directory);
  try {
    const { urls, strikes, broken } = scene;
    const token = await tokensOf(join(scene.keys, 'token-key.json'));
    const log = async (): Promise<readonly RecordedEvent[]> => {
      const opened = scene.openLog();
      try {
        return await logOf(opened);
      } finally {
        await opened.close();
      }
    };
    const observations = new Map<string, Awaited<ReturnType<Observe>>>();
    for (const [name, observe] of Object.entries(observers))
      observations.set(name, await observe({ urls, token, log }));
    const callers = callersOf({ urls, token, patienceMs: 2 * patienceMs });
    await Promise.race([callers.establish(), broken]);

    const times = new Map(Object.keys(strikes).map((name) => [name, 0]));
    const { working: asking, rest } = callers.work();
    const working = Promise.race([asking, broken]);
    const enough = AbortSignal.timeout(1000 * seconds);
    // However slow the machine is: otherwise a run would prove nothing.
    const hasBoth = () => {
      const accepted = [...callers.answered.values()].filter(({ first }) => first.status < 300).length;
      return Math.min(accepted, callers.answered.size - accepted) > atLeastOfEach;
    };
    try {
      while (!enough.aborted || [...times.values()].includes(0) || !hasBoth()) {
        // Not before there is something to lose, and never at the same place.
        const due = callers.answered.size + commandsBetweenStrikes;
        while (callers.answered.size < due) await Promise.race([working, sleep(50)]);
        await Promise.race([working, sleep(Math.random() * 1_500)]);
        // The one that was spared longest, in no order.
        const fewest = Math.min(...times.values());
        const spared = [...times.keys()].filter((name) => times.get(name) === fewest);
        const name = spared[Math.floor(Math.random() * spared.length)]!;
        onProgress(`${callers.answered.size} commands answered; ${name}`);
        await Promise.race([strikes[name]!(), broken]);
        times.set(name, fewest + 1);
      }
      await Promise.race([working, sleep(500)]);
    } catch (error) {
      callers.giveUp();
      await rest().catch(() => undefined);
      throw error;
    }
    await rest();
    onProgress('every key once more at every server');
    await Promise.race([callers.askAll(), broken]);

    const problems = [...callers.differences];
    for (const [name, observation] of observations)
      for (const problem of await observation.stop()) problems.push(`${name}: ${problem}`);
    const resent = await scene.resentAppends();
    await scene.stop();
    const recorded = await log();
    problems.push(...problemsOfRecord(recorded, callers), ...problemsOfChains(recorded));
    problems.push(...(await problemsOfViews(scene, directory)));

    const answered = [...callers.answered.values()];
    const count = (is: (each: (typeof answered)[number]) => boolean) => answered.filter(is).length;
    const isAccepted = ({ first }: (typeof answered)[number]) => first.status < 300;
    const entries = recorded.filter(({ stream }) => journaledPairOf(stream)).length;
    const refused = count((each) => !isAccepted(each));
    const raced = count((each) => each.overtaken);
    // What was recorded as refused and never answered as such can only be an acceptance by now.
    const acceptedWithEntry = new Set(
      recorded.filter(({ stream }) => journaledPairOf(stream)).map(({ metadata }) => metadata.commandId),
    );
    const silent = count((each) => isAccepted(each) && !each.overtaken && acceptedWithEntry.has(each.commandId));
    if (urls.length === 1 && raced + silent > 0)
      problems.push(`one server has both refused and accepted ${raced + silent} commands`);
    if (entries !== refused + raced + silent)
      problems.push(`the journals have ${entries} entries, and ${refused} refusals were answered`);
    return {
      figures: [
        ...times,
        ['commands', answered.length],
        ['  accepted', count(isAccepted)],
        ['  refused for state', refused],
        [
          '  recorded before a kill or a lost answer, and first answered by a replay: accepted',
          count((each) => isAccepted(each) && each.firstWasReplay),
        ],
        ['  the same: refused', count((each) => !isAccepted(each) && each.firstWasReplay)],
        ['  refusals overtaken by an acceptance of the same race', raced + silent],
        ['definite answers, each compared with the first to its key', callers.counts.answers],
        ['attempts without an answer', callers.counts.unanswered],
        ['attempts answered with a wait', callers.counts.undecided],
        ['appends that servers sent again to their database since their last start', resent],
        ['longest wait for an answer, ms', Math.round(callers.longestWait())],
        ['events of relationships', recorded.filter(({ stream }) => pairOf(stream)).length],
        ['entries of journals', entries],
        ['events of the log, all chained', recorded.length],
      ],
      problems,
    };
  } finally {
    await scene.killAll();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Every server's views, held to a replay of the whole log. */
async function problemsOfViews({ openLog, dataDirectories }: Scene, directory: string): Promise<string[]> {
  const replayed = join(directory, 'replayed.sqlite');
  const store = openLog();
  try {
    await replay(store, replayed, await store.head(), (await readLedger(store))!.ledgerId);
  } finally {
    await store.close();
  }
  const expected = contents(replayed);
  const empty = Object.entries(expected).filter(([, rows]) => rows.length === 0);
  return [
    ...(empty.length > 3 ? [`nothing is in the tables ${empty.map(([table]) => table).join(', ')}`] : []),
    ...dataDirectories.flatMap((dataDirectory, index) => {
      const shown = contents(viewsFileIn(dataDirectory));
      return Object.keys(expected)
        .filter((table) => !isDeepStrictEqual(shown[table], expected[table]))
        .map((table) => `server ${index} shows other rows of ${table} than a replay`);
    }),
  ];
}
