import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable, type EventStore } from '#event-sourcing';
import { appendEach, appendOne, eventually, failureOf, follow, prefix, sealedAt, storesOverPeer } from './testing.js';

const { peer, open, byHand, restore } = storesOverPeer();

function othersWrite(count: number): void {
  for (let index = 0; index < count; index++) byHand('another application', { data: `{"index":${index}}` });
}

describe('the head', () => {
  it('is the last event of ours, however many of others come after it', async () => {
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

  it('of a log with a first stream is not searched after that', async () => {
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

  it.each<[string, (store: EventStore, position: number) => Promise<unknown>]>([
    ['looked for', (store) => store.head()],
    ['followed', (store, position) => follow(store).until(position)],
  ])('is known with the event that stands there by a store that has %s it', async (_, sees) => {
    const [store, other] = [open(), open()];
    const { position } = await appendOne(other, 'a');
    await sees(store, position);
    const before = peer().counts.reads;

    expect(await store.idAt(position)).toBe(await other.idAt(position));
    expect(peer().counts.reads).toBe(before);
  });

  it('cannot be known while the store cannot be reached', async () => {
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

  it('is damage although the connection is still the same, as through a proxy', async () => {
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
    // Longer than the log was, so that only the identity differs.
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

  it.each<[string, (store: EventStore, lost: { stream: string; position: number }) => Promise<unknown>]>([
    ['written', () => Promise.resolve()],
    ['read in its stream', (store, { stream }) => store.read(stream)],
    ['found at the end', (store) => store.head()],
    ['looked up', (store, { position }) => store.idAt(position)],
    ['followed', (store, { position }) => follow(store).until(position)],
  ])('is damage for a store that has %s what is lost, though the log has grown past it', async (how, sees) => {
    const store = open({ firstStream: 'ledger' });
    const writer = how === 'written' ? store : open({ firstStream: 'ledger' });
    const { position: backup } = await appendOne(writer, 'ledger');
    // Of what comes later, the store knows nothing before it has seen the event.
    await store.head();
    const { position } = await appendOne(writer, 'lost');
    const lost = await writer.idAt(position);
    await sees(store, { stream: 'lost', position });
    await restore(backup, () => othersWrite(20));

    for (const act of [
      () => appendOne(store, 'b'),
      () => store.read('b'),
      () => store.head(),
      () => store.idAt(position + 1),
    ]) {
      // What was on its way when the connection broke is answered as such: that append, once.
      let error: unknown;
      await eventually('it is noticed', async () => {
        error = await failureOf(act());
        return error instanceof LogDamaged;
      });
      expect((error as Error).message).toMatch(
        new RegExp(`event at position ${position} was ${lost}, now it is [0-9a-f-]{36}: .*restored from a backup`),
      );
    }
    expect(peer().log.stream('Test.b')).toHaveLength(0);
    // Who has not seen it has lost nothing.
    await appendOne(open({ firstStream: 'ledger' }), 'b');
  });

  it('is damage also where no event begins where the lost one stood', async () => {
    const store = open();
    const { position: backup } = await appendOne(store, 'a');
    const { position } = await appendOne(store, 'a', 1);
    await restore(backup, () => {
      byHand('another application of a longer name', {});
      othersWrite(20);
    });
    let error: unknown;
    await eventually('it is noticed', async () => {
      error = await failureOf(store.head());
      return error instanceof LogDamaged;
    });
    expect((error as Error).message).toContain(`position ${position} was`);
  });

  it('is none as long as nothing of ours is lost: what others have lost is looked through again', async () => {
    const store = open();
    const { position: backup } = await appendOne(store, 'a');
    othersWrite(20);
    const looked = peer().log.head();
    expect(await store.head()).toBe(backup);
    const [event] = sealedAt('a', 1);
    await restore(backup, () => {
      byHand(`${prefix}a`, { id: event!.id, type: event!.type, metadata: JSON.stringify(event!.metadata) });
      othersWrite(40);
    });
    const position = peer().log.stream(`${prefix}a`)[1]!.position;
    expect(position).toBeLessThan(looked);

    let head: number | undefined;
    await eventually('it is there again', async () => {
      head = await store.head().catch(() => undefined);
      return head !== undefined;
    });
    expect(head).toBe(position);
  });

  it.each([
    ['only the connection is lost, and what others have written is not looked through again', false, 10],
    ['others have scavenged what was theirs', true, Infinity],
  ])('is none when %s', async (_, scavenged, most) => {
    const store = open();
    const { position } = await appendOne(store, 'a');
    othersWrite(5_000);
    expect(await store.head()).toBe(position);
    if (scavenged) peer().scavenge([peer().log.head()]);
    peer().cutSockets();
    othersWrite(1);
    const before = peer().counts.reads;
    await eventually('it is there again', () =>
      store.head().then(
        (head) => head === position,
        () => false,
      ),
    );
    expect(peer().counts.reads - before).toBeLessThan(most);
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
