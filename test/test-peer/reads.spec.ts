import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { BACKWARDS, END, jsonEvent, START } from '@eventstore/db-client';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials } from '@grpc/grpc-js';
import { all, counted, countedUpTo, failureOf, peerAndClient } from './testing.js';

const { peer, client } = peerAndClient();
const read = async (...options: Parameters<ReturnType<typeof client>['readStream']>) =>
  (await all(client().readStream(...options))).map(({ event }) => Number(event?.revision));
const readAll = async (options: Parameters<ReturnType<typeof client>['readAll']>[0]) =>
  (await all(client().readAll(options))).map(({ event }) => event!.position.commit);

describe('A fresh server', () => {
  it('holds one system event', async () => {
    const [only, ...others] = await all(client().readAll());

    expect(only?.event).toMatchObject({ streamId: '$$$scavenges', type: '$metadata', revision: 0n });
    expect(others).toEqual([]);
  });
});

describe('A read of a stream', () => {
  it('from a revision begins with that one, in both directions', async () => {
    await client().appendToStream('stream', countedUpTo(5));

    expect(await read('stream')).toEqual([0, 1, 2, 3, 4]);
    expect(await read('stream', { fromRevision: 2n })).toEqual([2, 3, 4]);
    expect(await read('stream', { fromRevision: 1n, maxCount: 2 })).toEqual([1, 2]);
    expect(await read('stream', { direction: BACKWARDS, fromRevision: 2n })).toEqual([2, 1, 0]);
    expect(await read('stream', { direction: BACKWARDS, fromRevision: END, maxCount: 2 })).toEqual([4, 3]);
    expect(await read('stream', { direction: BACKWARDS, fromRevision: START })).toEqual([0]);
    expect(await read('stream', { fromRevision: 5n })).toEqual([]);
    expect(await read('stream', { fromRevision: 99n })).toEqual([]);
  });

  it('says so when there is no such stream, wherever it begins', async () => {
    for (const options of [{}, { fromRevision: 7n }, { fromRevision: END, direction: BACKWARDS }] as const)
      expect(await failureOf(read('missing', options))).toMatchObject({
        type: 'stream-not-found',
        streamName: 'missing',
      });
  });

  it('of no events, or forwards from the end, fails', async () => {
    await client().appendToStream('stream', counted(0));

    expect(await failureOf(read('stream', { maxCount: 0 }))).toMatchObject({ type: 'unknown', code: 2 });
    expect(await failureOf(read('stream', { fromRevision: END }))).toMatchObject({ type: 'unknown', code: 2 });
  });

  it('has the position of every event twice, as in $all', async () => {
    await client().appendToStream('stream', countedUpTo(2));

    const events = await all(client().readStream('stream'));

    expect(events.map(({ commitPosition }) => commitPosition)).toEqual(
      events.map(({ event }) => event?.position?.commit),
    );
    expect(await readAll({})).toEqual([expect.any(BigInt), ...events.map(({ commitPosition }) => commitPosition)]);
  });

  it('shows at once what the settings of the stream leave, under the old revisions', async () => {
    await client().appendToStream('stream', countedUpTo(6));
    await client().setStreamMetadata('stream', { maxCount: 4 });
    expect(await read('stream')).toEqual([2, 3, 4, 5]);
    expect(await read('stream', { fromRevision: 1n, maxCount: 1 })).toEqual([2]);
    await client().setStreamMetadata('stream', { maxCount: 4, truncateBefore: 4 });
    expect(await read('stream')).toEqual([4, 5]);
    expect(await read('stream', { direction: BACKWARDS, fromRevision: END })).toEqual([5, 4]);
    await client().setStreamMetadata('stream', { truncateBefore: 6 });
    expect(await read('stream')).toEqual([]);
    await client().setStreamMetadata('stream', { maxAge: 10 });
    expect(await read('stream')).toHaveLength(6);
    peer().shiftClock(11_000);
    expect(await read('stream')).toEqual([]);
    await client().appendToStream('stream', counted(6), { expectedRevision: 5n, deadline: 60_000 });
    expect(await read('stream')).toEqual([6]);
  });

  it('of settings finds the latest only', async () => {
    await client().appendToStream('stream', counted(0));
    await client().setStreamMetadata('stream', { maxCount: 4 });
    await client().setStreamMetadata('stream', { maxCount: 5 });

    expect(await read('$$stream')).toEqual([1]);
    expect(await client().getStreamMetadata('stream')).toMatchObject({ metadata: { maxCount: 5 } });
  });

  it('gives ids as two numbers to a client that wants them so', async () => {
    const event = counted(0, 'f0e1d2c3-b4a5-4697-8879-a0b1c2d3e4f5');
    await client().appendToStream('stream', event);
    const raw = new StreamsClient(peer().addresses[0]!, credentials.createInsecure());
    const name = new shared.StreamIdentifier().setStreamName(Buffer.from('stream'));
    const options = new streams.ReadReq.Options()
      .setStream(new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(name).setStart(new shared.Empty()))
      .setCount('10')
      .setUuidOption(new streams.ReadReq.Options.UUIDOption().setStructured(new shared.Empty()));
    const [answer] = (await all(raw.read(new streams.ReadReq().setOptions(options)))) as streams.ReadResp[];
    raw.close();

    const recorded = answer!.getEvent()!.getEvent()!;
    expect(recorded.getId()!.getString()).toBe('');
    expect(recorded.getId()!.getStructured()!.toObject()).toEqual({
      mostSignificantBits: String(BigInt.asIntN(64, 0xf0e1d2c3b4a54697n)),
      leastSignificantBits: String(BigInt.asIntN(64, 0x8879a0b1c2d3e4f5n)),
    });
    expect(Buffer.from(recorded.getData_asU8()).toString()).toBe('{"n":0}');
  });

  it('follows links on request, and leaves one without a target as it is', async () => {
    await client().appendToStream('stream', countedUpTo(2));
    const link = (data: string) =>
      ({
        ...jsonEvent({ id: randomUUID(), type: '$>', data: {} }),
        data: Buffer.from(data),
        contentType: 'application/octet-stream',
      }) as never;
    await client().appendToStream('links', [link('1@stream'), link('7@stream')]);

    const [good, broken] = await all(client().readStream('links', { resolveLinkTos: true }));
    expect(good).toMatchObject({
      event: { streamId: 'stream', revision: 1n },
      link: { streamId: 'links', revision: 0n, type: '$>' },
    });
    expect(broken).toMatchObject({ event: { streamId: 'links', revision: 1n } });
    expect(broken?.link).toBeUndefined();
    expect((await all(client().readStream('links')))[0]).toMatchObject({ event: { streamId: 'links', type: '$>' } });
  });
});

describe('A read of $all', () => {
  it('begins forwards with the event at the position, and backwards with the one before', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    const [system, a, b, c] = (await readAll({})) as [bigint, bigint, bigint, bigint];
    const at = (commit: bigint, prepare = commit) => ({ commit, prepare });

    expect(await readAll({ fromPosition: at(b) })).toEqual([b, c]);
    expect(await readAll({ fromPosition: at(b, 0n) })).toEqual([b, c]);
    expect(await readAll({ fromPosition: at(a), maxCount: 1 })).toEqual([a]);
    expect(await readAll({ fromPosition: END })).toEqual([]);
    expect(await readAll({ direction: BACKWARDS, fromPosition: at(b) })).toEqual([a, system]);
    expect(await readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })).toEqual([c]);
    expect(await readAll({ direction: BACKWARDS, fromPosition: START })).toEqual([]);
  });

  it('from between two events fails, and so does one from a place that cannot be', async () => {
    await client().appendToStream('stream', countedUpTo(2));
    const [, a] = (await readAll({})) as [bigint, bigint];
    const error = { type: 'unknown', code: 2, message: expect.stringContaining('Unexpected ReadAllResult: Error') };

    expect(await failureOf(readAll({ fromPosition: { commit: a + 1n, prepare: a + 1n } }))).toMatchObject(error);
    expect(await failureOf(readAll({ fromPosition: { commit: a, prepare: a + 1n } }))).toMatchObject(error);
    const far = { commit: 10n ** 9n, prepare: 10n ** 9n };
    expect(await failureOf(readAll({ fromPosition: far, direction: BACKWARDS }))).toMatchObject(error);
    expect(await readAll({ fromPosition: far })).toEqual([]);
  });

  it('from the position of an event that was scavenged begins with the next', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    const [, a, b, c] = (await readAll({})) as [bigint, bigint, bigint, bigint];
    peer().scavenge([Number(b)]);

    expect(await readAll({ fromPosition: { commit: b, prepare: b } })).toEqual([c]);
    expect((await readAll({})).slice(1)).toEqual([a, c]);
    expect(await read('stream')).toEqual([0, 2]);
  });

  it('of no events never ends', async () => {
    const reading = client().readAll({ maxCount: 0 });
    const ended = all(reading).then(() => 'ended');
    const waited = new Promise((resolve) => setTimeout(resolve, 150, 'waits'));

    expect(await Promise.race([ended, waited])).toBe('waits');
    await reading.cancel();
  });

  it('gives 3,000 events complete and in order, to a slow reader too', async () => {
    for (let batch = 0; batch < 6; batch++) await client().appendToStream(`stream-${batch % 2}`, countedUpTo(500));

    const positions: bigint[] = [];
    for await (const { event } of client().readAll()) {
      positions.push(event!.position.commit);
      if (positions.length % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }

    expect(positions).toEqual(peer().log.records.map(({ position }) => BigInt(position)));
    expect(positions).toHaveLength(3_001);
  });
});
