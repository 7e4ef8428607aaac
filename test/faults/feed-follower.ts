import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { journaledPairOf, pairOf } from '#customer-relationship';
import type { RecordedEvent } from '#event-sourcing';
import { patienceMs } from '../eventually.js';
import { cloudEvent } from '../../apps/server/src/history/cloud-event.js';
import { admin, partner } from '../../bench/histories.js';
import type { Observation, ObservedRun } from './observed-run.js';

// Followers of the live feed: each goes on after the last id that it has seen, at another server than before, whenever
// its connection ends: because a server was killed, or because it has hung up itself in the middle of something.

interface Followed {
  readonly name: string;
  readonly query: string;
  readonly isDue: (event: RecordedEvent) => boolean;
}

const isOfPartner = ({ stream }: RecordedEvent) =>
  (pairOf(stream) ?? journaledPairOf(stream))?.partnerId === partner.tenantId;

const followed: readonly Followed[] = [
  { name: 'all events and refusals', query: 'journals=true', isDue: isOfPartner },
  {
    name: 'events',
    query: '',
    isDue: (event) => isOfPartner(event) && pairOf(event.stream) !== undefined,
  },
  {
    name: 'purchases',
    query: 'type=SubscriptionPurchased',
    isDue: (event) => isOfPartner(event) && event.type === 'SubscriptionPurchased',
  },
];

/** A follower gives up its connection by itself after so long at most. */
const hangsUpWithin = 3_000;
/** From the end of the log on it has this long to send the rest. */
const tellsWithin = patienceMs;

/**
 * Follows the feed from its start until it is stopped; then every event of the log must have come once, in order,
 * and as it stands there.
 */
export function followFeeds(run: ObservedRun): Observation {
  const followers = followed.map((each, index) => follower(run, each, index));
  return {
    async stop() {
      const log = await run.log();
      return (await Promise.all(followers.map((each) => each.stop(log)))).flat();
    },
  };
}

interface Seen {
  readonly position: number;
  readonly event: string;
  readonly data: unknown;
}

function follower({ urls, token }: ObservedRun, { name, query, isDue }: Followed, index: number) {
  const ending = new AbortController();
  const seen: Seen[] = [];
  const problems: string[] = [];
  let lastId: string | undefined;
  let connections = 0;
  const following = follow();

  async function follow(): Promise<void> {
    for (let turn = index; !ending.signal.aborted; turn++) {
      const url = `${urls[turn % urls.length]!}/v1/events?${query}`;
      const hangingUp = new AbortController();
      const timer = setTimeout(() => hangingUp.abort(), Math.random() * hangsUpWithin);
      try {
        const response = await fetch(url, {
          headers: {
            accept: 'text/event-stream',
            authorization: `Bearer ${await token(admin)}`,
            ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
          },
          signal: AbortSignal.any([ending.signal, hangingUp.signal]),
        });
        if (response.status === 200) {
          connections++;
          await read(response);
        } else if (response.status !== 503 && response.status !== 429)
          problems.push(`${name}: ${response.status} after ${lastId}: ${(await response.text()).slice(0, 300)}`);
      } catch (error) {
        // A connection that is cut, or not taken up, is what this is about.
        const { name: kind } = error as Error;
        if (kind !== 'AbortError' && kind !== 'TypeError') throw error;
      } finally {
        clearTimeout(timer);
      }
      await sleep(Math.random() * 200);
    }
  }

  async function read({ body }: Response): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      // What is cut off in its middle counts for nothing.
      text = blocks.pop()!;
      for (const block of blocks) take(block);
    }
  }

  function take(block: string): void {
    const fields = new Map(
      block
        .split('\n')
        .filter((line) => !line.startsWith(':'))
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    const id = fields.get('id');
    const data = fields.get('data');
    if (id !== undefined) lastId = id;
    if (data !== undefined)
      seen.push({ position: Number.parseInt(id ?? ''), event: fields.get('event') ?? '', data: JSON.parse(data) });
  }

  return {
    async stop(log: readonly RecordedEvent[]): Promise<readonly string[]> {
      const due = log.filter(isDue);
      for (const late = AbortSignal.timeout(tellsWithin); seen.length < due.length && !late.aborted;) await sleep(50);
      ending.abort();
      await following;
      const ledgerId = /ledger="([^"]*)"/.exec(lastId ?? '')?.[1] ?? '';
      if (due.length === 0) problems.push(`${name}: there was nothing to follow`);
      if (connections < 2) problems.push(`${name}: it was connected ${connections} times, which proves nothing`);
      if (seen.length !== due.length)
        problems.push(`${name}: ${seen.length} events came, and ${due.length} are in the log`);
      for (const [at, event] of due.entries()) {
        const { position, event: type, data } = seen[at] ?? {};
        const answered = JSON.parse(JSON.stringify(cloudEvent(event, ledgerId))) as unknown;
        if (position === event.position && type === event.type && isDeepStrictEqual(data, answered)) continue;
        problems.push(
          `${name}: after ${at} events came ${type} at ${position}, and not ${event.type} at ${event.position}`,
        );
        break;
      }
      return problems;
    },
  };
}
