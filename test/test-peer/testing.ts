import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach } from '@jest/globals';
import {
  EventStoreDBClient,
  jsonEvent,
  type AllStreamSubscription,
  type JSONEventData,
  type StreamSubscription,
} from '@eventstore/db-client';
import { eventually as waitUntil } from '../eventually.js';
import { startTestPeer, type TestPeer, type TestPeerOptions } from './index.js';

/** A peer and the real client for every test. */
export function peerAndClient(options: TestPeerOptions = {}) {
  let peer: TestPeer | undefined;
  let client: EventStoreDBClient | undefined;
  beforeEach(async () => {
    peer = await startTestPeer(options);
    client = connect(peer);
  });
  afterEach(async () => {
    await client?.dispose();
    await peer?.close();
  });
  return { peer: () => peer!, client: () => client! };
}

export const connect = ({ connectionString }: { connectionString: string }, parameters = '') =>
  EventStoreDBClient.connectionString(`${connectionString}${parameters}` as never);

/** The client has a way of its own for calls with credentials, which an insecure server does not look at. */
export const paths: [string, { credentials?: { username: string; password: string } }][] = [
  ['the batch path', {}],
  ['the classic path', { credentials: { username: 'anybody', password: 'anything' } }],
];

export const counted = (n: number, id: string = randomUUID()): JSONEventData =>
  jsonEvent({ id, type: 'counted', data: { n } });

export const countedUpTo = (count: number): JSONEventData[] => Array.from({ length: count }, (_, n) => counted(n));

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export async function take<Item>(count: number, items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

export async function failureOf(action: Promise<unknown>): Promise<any> {
  return action.then(
    () => {
      throw new Error('It was expected to fail');
    },
    (error: unknown) => error,
  );
}

/** What a subscription says, in the order it says it. */
export function followed(subscription: AllStreamSubscription | StreamSubscription) {
  const said: string[] = [];
  const ended = Promise.withResolvers<any>();
  let changed = Promise.withResolvers<void>();
  const say = (what: string) => {
    said.push(what);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  subscription.on('confirmation', () => say('confirmed'));
  subscription.on('caughtUp', () => say('caught up'));
  subscription.on('error', (error) => {
    ended.resolve(error);
    say(`failed with ${(error as { type?: string }).type}`);
  });
  subscription.on('data', ({ event }) =>
    say(event?.type === 'counted' ? String((event.data as { n: number }).n) : String(event?.type)),
  );
  return {
    said,
    ended: ended.promise,
    /** Waits until it has said that. */
    async until(what: string): Promise<string[]> {
      while (!said.includes(what)) await changed.promise;
      return said;
    },
    /** Waits until it has printed this much. */
    async length(count: number): Promise<string[]> {
      while (said.length < count) await changed.promise;
      return said;
    },
  };
}

/** The client notices a lost connection with its next call only. */
export async function eventually<Result>(action: () => Promise<Result>): Promise<Result> {
  for (;;)
    try {
      return await action();
    } catch (error) {
      if ((error as { code?: number }).code !== 14) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

export const until = (condition: () => boolean): Promise<void> => waitUntil(() => condition.toString(), condition);
