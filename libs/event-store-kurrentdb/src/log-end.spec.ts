import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { appendEach, appendOne, eventually, failureOf, follow, storesOverPeer } from './testing.js';

const { peer, open, byHand } = storesOverPeer();

function othersWrite(count: number): void {
  for (let index = 0; index < count; index++) byHand('another application', { data: `{"index":${index}}` });
}

describe('the head', () => {
  it('is the last event of ours, however many of others come behind it', async () => {
    const store = open();
    othersWrite(50);
    expect(await store.head()).toBe(0);
    const { position } = await appendOne(store, 'a');
    othersWrite(700);

    expect(await store.head()).toBe(position);
    expect(await open().head()).toBe(position);
  });

  it('does not look twice at what it has looked at', async () => {
    const store = open();
    othersWrite(2_000);
    await store.head();
    const before = peer().counts.reads;
    await store.head();
    othersWrite(3);
    await store.head();

    expect(peer().counts.reads - before).toBe(2);
  });

  it('need not look at all of an old database before the first event of the log is there', async () => {
    othersWrite(3_000);
    const store = open({ firstStream: 'ledger' });
    const before = peer().counts.reads;
    expect(await store.head()).toBe(0);
    // The end and the first stream, once to verify the connection and once for the head, and why the stream is missing.
    expect(peer().counts.reads - before).toBeLessThanOrEqual(6);
  });

  it('of a log with a first stream is not searched behind that', async () => {
    const store = open({ firstStream: 'ledger' });
    othersWrite(3_000);
    const { position } = await appendOne(store, 'ledger');
    othersWrite(20);
    const other = open({ firstStream: 'ledger' });
    const before = peer().counts.reads;

    expect(await other.head()).toBe(position);
    expect(peer().counts.reads - before).toBeLessThanOrEqual(6);
  });

  it('knows of appends by others', async () => {
    const [store, other] = [open(), open()];
    await appendOne(store, 'a');
    const { position } = await appendOne(other, 'a', 1);

    expect(await store.head()).toBe(position);
  });

  it('cannot be told while the store cannot be reached', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onRead({ do: 'fail', code: status.UNAVAILABLE, message: 'gone' }, { times: Infinity });

    expect(await failureOf(store.head())).toBeInstanceOf(StoreUnavailable);
  });
});

describe('a database that has lost what it had', () => {
  it('is damage for reads, appends and the head', async () => {
    const store = open();
    await appendEach(store, 'a', 5);
    await peer().wipe();
    byHand('another application', {});
    const outcomes = async () =>
      Promise.all([failureOf(store.read('a')), failureOf(appendOne(store, 'a', 5)), failureOf(store.head())]);

    await eventually('it is noticed', async () => (await outcomes()).every((error) => error instanceof LogDamaged));
    for (const { message } of await outcomes())
      expect(message).toMatch(/ends at position \d+, but position \d+ has been there.*backup/);
    expect(peer().log.stream('Test.a')).toHaveLength(0);
  });

  it('is damage although the connection is still the same, as behind a proxy', async () => {
    const store = open();
    await appendEach(store, 'a', 5);
    peer().log.wipe();
    byHand('another application', {});

    expect(await failureOf(store.head())).toBeInstanceOf(LogDamaged);
  });

  it('is damage for a writer that has heard nothing of it: the next connection is looked at first', async () => {
    const store = open({ firstStream: 'ledger' });
    await appendOne(store, 'ledger');
    await peer().shutdown({ grace: 0 });
    peer().log.wipe();
    // Longer than the log was, so that only the identity tells.
    for (let index = 0; index < 20; index++) byHand('another application', {});
    const other = await peer()
      .start()
      .then(() => open({ firstStream: 'ledger' }));
    await appendOne(other, 'ledger');

    let error: unknown;
    await eventually('it is noticed', async () => {
      error = await failureOf(appendOne(store, 'b'));
      return !(error instanceof StoreUnavailable);
    });

    expect(error).toBeInstanceOf(LogDamaged);
    expect((error as Error).message).toMatch(
      /first event of Test\.ledger was [0-9a-f-]{36}, now it is [0-9a-f-]{36}: another/,
    );
    expect(peer().log.stream('Test.b')).toHaveLength(0);
  });

  it('is damage for who asks for a position that was reached once', async () => {
    const store = open();
    await appendOne(store, 'a');
    const after = (await store.head()) + 100_000;
    const batches = follow(store, after);

    const error = await batches.failure();
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(
      /Position \d+ was reached before, but the event store ends at \d+.*emptied, or restored/s,
    );
  });
});
