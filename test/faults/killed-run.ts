import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { journaledPairOf, pairOf } from '#customer-relationship';
import type { EventStore, RecordedEvent } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { embeddedKey } from '#http';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { partner } from '../../bench/histories.js';
import { freePort, startServer, type ServerProcess } from '../server-process.js';
import { launchTestPeer } from '../test-peer/process.js';
import { callersOf, logOf } from './callers.js';
import type { Observe } from './observers.js';
import { problemsOfChains, problemsOfRecord } from './records.js';

export const killedStores = ['sqlite', 'kurrentdb'] as const;
export type KilledStore = (typeof killedStores)[number];

const commandsBetweenKills = 100;
/** A start shares the machine with callers who do not stop. */
const patienceMs = 120_000;

export interface KilledRunOptions {
  readonly store: KilledStore;
  /** How long callers are at work while servers die. */
  readonly seconds: number;
  readonly observers: Readonly<Record<string, Observe>>;
  readonly onProgress?: (what: string) => void;
}

export interface KilledRun {
  readonly figures: readonly (readonly [what: string, figure: number])[];
  /** Empty when every promise was kept. */
  readonly problems: readonly string[];
}

/** What can be killed: each pulls the plug and, after a moment, starts it again. */
type Victims = Readonly<Record<string, () => Promise<void>>>;

interface Scene {
  readonly urls: readonly string[];
  readonly keys: string;
  readonly victims: Victims;
  readonly openLog: () => EventStore;
  /** As it is told to; what does not end well is thrown. */
  readonly stop: () => Promise<void>;
  readonly killAll: () => Promise<void>;
}

/**
 * 32 callers at work on servers that are killed at random moments, with one server over SQLite, or two over the test peer
 * that is killed too; then every key asked once more at every server, and the log held to what was told.
 */
export async function killedRun({
  store,
  seconds,
  observers,
  onProgress = () => {},
}: KilledRunOptions): Promise<KilledRun> {
  const directory = mkdtempSync(join(tmpdir(), 'killed-run-'));
  const scene = await (store === 'sqlite' ? overSqlite(directory) : overKurrentdb(directory));
  try {
    const { urls, victims } = scene;
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
    await callers.establish();

    const kills = new Map(Object.keys(victims).map((name) => [name, 0]));
    const { working, rest } = callers.work();
    const until = Date.now() + 1000 * seconds;
    try {
      while (Date.now() < until) {
        // Not before there is something to lose, and never at the same place.
        const enough = callers.told.size + commandsBetweenKills;
        while (callers.told.size < enough) await Promise.race([working, sleep(50)]);
        await Promise.race([working, sleep(Math.random() * 1_500)]);
        // Whoever was spared longest, in no order.
        const fewest = Math.min(...kills.values());
        const spared = [...kills.keys()].filter((name) => kills.get(name) === fewest);
        const name = spared[Math.floor(Math.random() * spared.length)]!;
        await victims[name]!();
        kills.set(name, fewest + 1);
        onProgress(`killed ${name}; ${callers.told.size} commands told`);
      }
      await Promise.race([working, sleep(500)]);
    } catch (error) {
      callers.giveUp();
      await rest().catch(() => undefined);
      throw error;
    }
    await rest();
    onProgress('every key once more at every server');
    await callers.askAll();

    const problems = [...callers.differences];
    for (const [name, observation] of observations)
      for (const problem of await observation.stop()) problems.push(`${name}: ${problem}`);
    await scene.stop();
    const recorded = await log();
    problems.push(...problemsOfRecord(recorded, callers), ...problemsOfChains(recorded));

    const told = [...callers.told.values()];
    const count = (is: (each: (typeof told)[number]) => boolean) => told.filter(is).length;
    const isAccepted = ({ first }: (typeof told)[number]) => first.status < 300;
    const entries = recorded.filter(({ stream }) => journaledPairOf(stream)).length;
    const refused = count((each) => !isAccepted(each));
    const raced = count((each) => each.overtaken);
    // What was recorded as refused and never told as such can only be an acceptance by now.
    const acceptedWithEntry = new Set(
      recorded.filter(({ stream }) => journaledPairOf(stream)).map(({ metadata }) => metadata.commandId),
    );
    const silent = count((each) => isAccepted(each) && !each.overtaken && acceptedWithEntry.has(each.commandId));
    if (entries !== refused + raced + silent)
      problems.push(`the journals have ${entries} entries, and ${refused} refusals were told`);
    return {
      figures: [
        ...[...kills].map(([name, times]) => [`${name} killed`, times] as const),
        ['commands', told.length],
        ['  accepted', count(isAccepted)],
        ['  refused for state', refused],
        [
          '  recorded before a kill or a lost answer, and first told by a replay: accepted',
          count((each) => isAccepted(each) && each.firstWasReplay),
        ],
        ['  the same: refused', count((each) => !isAccepted(each) && each.firstWasReplay)],
        ['  refusals overtaken by an acceptance of the same race', raced + silent],
        ['definite answers, each compared with the first to its key', callers.counts.answers],
        ['attempts without an answer', callers.counts.unanswered],
        ['attempts answered with a wait', callers.counts.undecided],
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

/** The time between the end of a process and its next start. */
const outage = () => sleep(Math.random() * 500);

async function overSqlite(directory: string): Promise<Scene> {
  const dataDirectory = join(directory, 'data');
  const port = await freePort();
  const start = () => startServer({ dataDirectory, partners: [partner], port, patienceMs }, 'live');
  let server = await start();
  return {
    urls: [server.url],
    keys: join(dataDirectory, 'keys'),
    victims: {
      async 'the server'() {
        await server.killAtOnce();
        await outage();
        server = await start();
      },
    },
    openLog: () => openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true }),
    stop: () => stopped(server),
    killAll: () => server.killAtOnce(),
  };
}

async function overKurrentdb(directory: string): Promise<Scene> {
  const keys = join(directory, 'keys');
  mkdirSync(keys);
  await embeddedKey(join(keys, 'token-key.json'));
  writeFileSync(join(keys, 'ledger-secret'), 'ab'.repeat(32));
  const peer = await launchTestPeer({ data: join(directory, 'log') });
  const database = { connectionString: peer.connectionString, streamPrefix: 'Kills.', allowInsecure: true };
  const ports = [await freePort(), await freePort()];
  const start = (index: number) =>
    startServer(
      {
        dataDirectory: join(directory, `server-${index}`),
        partners: [partner],
        port: ports[index]!,
        patienceMs,
        env: {
          EVENT_STORE: 'kurrentdb',
          EVENTSTORE_URL: database.connectionString,
          EVENTSTORE_STREAM_PREFIX: database.streamPrefix,
          ALLOW_INSECURE_EVENTSTORE: 'true',
          KEYS_DIR: keys,
        },
      },
      'live',
    );
  const servers: ServerProcess[] = [await start(0), await start(1)];
  const killServers = async (...indexes: number[]) => {
    await Promise.all(indexes.map((index) => servers[index]!.killAtOnce()));
    await outage();
    for (const index of indexes) servers[index] = await start(index);
  };
  const killDatabase = async () => {
    await peer.kill();
    await outage();
    await peer.restart();
  };
  return {
    urls: servers.map(({ url }) => url),
    keys,
    victims: {
      'the first server': () => killServers(0),
      'the second server': () => killServers(1),
      'both servers': () => killServers(0, 1),
      'the database': killDatabase,
      'a server and the database': async () => void (await Promise.all([killServers(0), killDatabase()])),
    },
    openLog: () => openKurrentdbEventStore(database),
    stop: async () => void (await Promise.all(servers.map(stopped))),
    async killAll() {
      await Promise.all(servers.map((server) => server.killAtOnce()));
      await peer.kill();
    },
  };
}

async function stopped(server: ServerProcess): Promise<void> {
  await server.stop();
  if (server.child.exitCode !== 0)
    throw new Error(`A server has ended with ${server.child.exitCode}:\n${server.output()}`);
}
