import { describe, expect, it } from '@jest/globals';
import { ANY, BACKWARDS, NO_STREAM, START, STREAM_EXISTS } from '@eventstore/db-client';
import { all, counted, countedUpTo, failureOf, followed, paths, peerAndClient } from './testing.js';

const { peer, client } = peerAndClient();
const revisions = async (stream: string) =>
  (await all(client().readStream(stream))).map(({ event }) => event?.revision);
const streamsInAll = async () =>
  (await all(client().readAll())).map(({ event }) => `${event?.streamId}: ${event?.type}`);

describe('A deleted stream', () => {
  it('must have been there, whatever revision is expected', async () => {
    for (const [expectedRevision, expected] of [
      [ANY, -2n],
      [NO_STREAM, -1n],
      [3n, 3n],
    ] as const)
      expect(await failureOf(client().deleteStream('stream', { expectedRevision }))).toMatchObject({
        type: 'wrong-expected-version',
        code: 9,
        expectedVersion: expected,
        actualVersion: -1n,
      });
  });

  it('must be at the expected revision, and may be deleted twice', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    expect(await failureOf(client().deleteStream('stream', { expectedRevision: 1n }))).toMatchObject({
      type: 'wrong-expected-version',
      expectedVersion: 1n,
      actualVersion: 2n,
    });
    expect(await failureOf(client().deleteStream('stream', { expectedRevision: NO_STREAM }))).toMatchObject({
      type: 'wrong-expected-version',
    });

    const { position } = await client().deleteStream('stream', { expectedRevision: 2n });
    await client().deleteStream('stream');

    expect(position?.commit).toBeGreaterThan(peer().log.stream('stream').at(-1)!.position);
  });

  it('is not found any more, though its events are in $all until they are scavenged', async () => {
    await client().appendToStream('stream', countedUpTo(2));
    await client().deleteStream('stream');

    expect(await failureOf(all(client().readStream('stream')))).toMatchObject({ type: 'stream-not-found' });
    expect(await streamsInAll()).toEqual([
      '$$$scavenges: $metadata',
      'stream: counted',
      'stream: counted',
      '$$stream: $metadata',
    ]);
    expect(peer().scavenge()).toBe(2);
    expect(await streamsInAll()).toEqual(['$$$scavenges: $metadata', '$$stream: $metadata']);
  });

  it.each(paths)('begins again on %s where its numbering stopped', async (_path, options) => {
    for (const [stream, expectedRevision] of [
      ['none', NO_STREAM],
      ['any', ANY],
      ['last', 2n],
    ] as const) {
      await client().appendToStream(stream, countedUpTo(3), options);
      await client().deleteStream(stream);
      for (const wrong of [STREAM_EXISTS, 1n, 3n] as const)
        expect(
          await failureOf(client().appendToStream(stream, counted(9), { ...options, expectedRevision: wrong })),
        ).toMatchObject({ type: wrong === STREAM_EXISTS ? 'stream-deleted' : 'wrong-expected-version' });

      const { nextExpectedRevision } = await client().appendToStream(stream, [counted(3), counted(4)], {
        ...options,
        expectedRevision,
      });

      expect(nextExpectedRevision).toBe(4n);
      expect(await revisions(stream)).toEqual([3n, 4n]);
    }
    // First the new events, then the mark.
    expect((await streamsInAll()).slice(-3)).toEqual(['last: counted', 'last: counted', '$$last: $metadata']);
  });

  it.each(paths)(
    'takes a repeat on %s of what it had for one, without a position, and stays deleted',
    async (_path, options) => {
      const events = countedUpTo(2);
      await client().appendToStream('stream', events, { ...options, expectedRevision: NO_STREAM });
      await client().deleteStream('stream');

      expect(
        await client().appendToStream('stream', events[0]!, { ...options, expectedRevision: NO_STREAM }),
      ).toMatchObject({ success: true, nextExpectedRevision: 0n, position: undefined });
      expect(await failureOf(all(client().readStream('stream')))).toMatchObject({ type: 'stream-not-found' });
    },
  );

  it.each(paths)('takes no repeat of it on %s that has something new as well', async (_path, options) => {
    const events = countedUpTo(2);
    await client().appendToStream('stream', events, { ...options, expectedRevision: NO_STREAM });
    await client().deleteStream('stream');
    const mixed = client().appendToStream('stream', [events[0]!, counted(9)], {
      ...options,
      expectedRevision: NO_STREAM,
    });

    expect(await failureOf(mixed)).toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
  });
});

describe('A stream with a tombstone', () => {
  it('need not have been there', async () => {
    await client().tombstoneStream('any');
    await client().tombstoneStream('none', { expectedRevision: NO_STREAM });

    expect(
      await failureOf(client().tombstoneStream('some', { expectedRevision: STREAM_EXISTS as never })),
    ).toMatchObject({
      type: 'wrong-expected-version',
    });
    expect(await failureOf(client().tombstoneStream('some', { expectedRevision: 0n }))).toMatchObject({
      type: 'wrong-expected-version',
    });
  });

  it('leaves an event of the last possible revision', async () => {
    await client().appendToStream('stream', counted(0));
    const { position } = await client().tombstoneStream('stream', { expectedRevision: 0n });

    const last = (await all(client().readAll())).at(-1);
    expect(last?.event).toMatchObject({
      streamId: 'stream',
      type: '$streamDeleted',
      revision: 2n ** 63n - 1n,
      position,
    });
  });

  it('is gone for every caller and for ever', async () => {
    await client().appendToStream('stream', counted(0));
    await client().setStreamMetadata('stream', { maxCount: 3 });
    await client().tombstoneStream('stream');
    await peer().kill();
    await peer().start();
    await all(client().readAll()).catch(() => {});

    const attempts = [
      ...paths.map(([, options]) => client().appendToStream('stream', counted(1), options)),
      client().appendToStream('stream', counted(1), { expectedRevision: NO_STREAM }),
      client().deleteStream('stream'),
      client().tombstoneStream('stream'),
      client().setStreamMetadata('stream', { maxCount: 4 }),
      client().getStreamMetadata('stream'),
      all(client().readStream('stream')),
      all(client().readStream('stream', { direction: BACKWARDS })),
      all(client().subscribeToStream('stream', { fromRevision: START })),
    ];
    for (const attempt of await Promise.all(attempts.map(failureOf)))
      expect(attempt).toMatchObject({ type: 'stream-deleted' });
    expect(await failureOf(all(client().readStream('stream')))).toMatchObject({ code: 9, streamName: 'stream' });
  });

  it('is sent to its followers: first the event, then the end', async () => {
    await client().appendToStream('stream', counted(0));
    const follower = followed(client().subscribeToStream('stream', { fromRevision: START }));
    await follower.until('caught up');
    await client().tombstoneStream('stream');

    expect(await follower.length(5)).toEqual([
      'confirmed',
      '0',
      'caught up',
      '$streamDeleted',
      'failed with stream-deleted',
    ]);
    const late = followed(client().subscribeToStream('stream', { fromRevision: START }));
    expect(await late.length(1)).toEqual(['failed with stream-deleted']);
  });
});
