import { describe, expect, it } from '@jest/globals';
import {
  ANY,
  binaryEvent,
  jsonEvent,
  NO_STREAM,
  STREAM_EXISTS,
  type AppendExpectedRevision,
  type EventData,
} from '@eventstore/db-client';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { timeOfDay } from '../wall-clock.js';
import { all, counted, countedUpTo, eventually, failureOf, paths, peerAndClient } from './testing.js';

describe.each(paths)('An append on %s', (_path, options) => {
  const { peer, client } = peerAndClient();
  const append = (events: EventData[], expectedRevision: AppendExpectedRevision, stream = 'stream') =>
    client().appendToStream(stream, events, { ...options, expectedRevision });
  const ids = async (stream = 'stream') => (await all(client().readStream(stream))).map(({ event }) => event?.id);

  it('takes this path', async () => {
    await append([counted(0)], ANY);

    expect([peer().counts.batchAppends, peer().counts.appends]).toEqual(options.credentials ? [0, 1] : [1, 0]);
  });

  it('numbers events from 0 and gives each a position after the one before, never the next number', async () => {
    const first = await append([counted(0)], NO_STREAM);
    const second = await append(countedUpTo(3), 0n);
    const events = await all(client().readStream('stream'));

    expect([first.nextExpectedRevision, second.nextExpectedRevision]).toEqual([0n, 3n]);
    expect(events.map(({ event }) => event?.revision)).toEqual([0n, 1n, 2n, 3n]);
    const positions = events.map(({ event }) => event!.position!.commit);
    for (const [index, position] of positions.entries())
      if (index > 0) expect(position - positions[index - 1]!).toBeGreaterThan(100n);
    expect(events.map(({ event }) => event!.position!.prepare)).toEqual(positions);
    expect(second.position).toEqual(events[3]?.event?.position);
  });

  it('gives back what was sent: text, bytes and metadata, and the id in small letters', async () => {
    const id = 'ABCDEF00-0000-4000-8000-00000000000F';
    const before = timeOfDay();
    const data = { text: 'Zoë 日本語 👩🏽‍🚀 \u0000\u2028', numbers: [0, -1, 1e21, 5e-324] };
    await append(
      [
        jsonEvent({ id, type: 'té', data, metadata: { comment: 'één' } }),
        binaryEvent({ type: 'bytes', data: Uint8Array.of(0, 255, 10), metadata: Uint8Array.of(1, 2) }),
      ],
      NO_STREAM,
      'a stream / é $',
    );

    const [json, binary] = await all(client().readStream('a stream / é $'));
    expect(json?.event).toMatchObject({
      streamId: 'a stream / é $',
      id: id.toLowerCase(),
      type: 'té',
      data,
      metadata: { comment: 'één' },
      isJson: true,
    });
    expect(binary?.event).toMatchObject({
      data: Uint8Array.of(0, 255, 10),
      metadata: Uint8Array.of(1, 2),
      isJson: false,
    });
    expect(json!.event!.created.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(json!.event!.created.getTime()).toBeLessThanOrEqual(timeOfDay().getTime());
  });

  it('at another revision is refused, and says at which the stream is', async () => {
    expect(await failureOf(append([counted(0)], 3n))).toMatchObject({
      type: 'wrong-expected-version',
      expectedVersion: 3n,
      actualVersion: 'no_stream',
    });
    expect(await failureOf(append([counted(0)], STREAM_EXISTS))).toMatchObject({
      type: 'wrong-expected-version',
      expectedVersion: 'stream_exists',
      actualVersion: 'no_stream',
    });
    await append(countedUpTo(2), NO_STREAM);
    for (const expectedVersion of [NO_STREAM, 0n, 2n] as const)
      expect(await failureOf(append([counted(0)], expectedVersion))).toMatchObject({
        type: 'wrong-expected-version',
        streamName: 'stream',
        expectedVersion,
        actualVersion: 1n,
      });
    await append([counted(2)], STREAM_EXISTS);
    await append([counted(3)], ANY);
    expect(await ids()).toHaveLength(4);
  });

  it('of 16 at one revision is taken once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => append([counted(0)], NO_STREAM)));

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await ids()).toHaveLength(1);
  });

  it('repeated at the same revision gives the first answer, for ever: any run of the same ids at their place', async () => {
    const [a, b, c, d] = [counted(0), counted(1), counted(2), counted(3)];
    const first = await append([a, b], NO_STREAM);
    const second = await append([c, d], 1n);
    await append(countedUpTo(5), 3n);
    await peer().kill();
    await peer().start();

    const repeat = async (events: EventData[], at: AppendExpectedRevision) => {
      const { nextExpectedRevision, position } = await eventually(() => append(events, at));
      return { nextExpectedRevision, position };
    };
    const answers = {
      first: { nextExpectedRevision: 1n, position: first.position },
      second: { nextExpectedRevision: 3n, position: second.position },
    };
    expect(await repeat([a, b], NO_STREAM)).toEqual(answers.first);
    expect(await repeat([c, d], 1n)).toEqual(answers.second);
    expect(await repeat([a, b, c, d], NO_STREAM)).toEqual(answers.second);
    expect(await repeat([d], 2n)).toEqual(answers.second);
    expect(await repeat([a], NO_STREAM)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await repeat([jsonEvent({ ...a, type: 'other', data: {} })], NO_STREAM)).toMatchObject({
      nextExpectedRevision: 0n,
    });
    expect(await ids()).toHaveLength(9);
  });

  it('that overlaps with what is there in part is refused', async () => {
    const [a, b] = [counted(0), counted(1)];
    await append([a, b], NO_STREAM);

    for (const [events, at] of [
      [[a, counted(9)], NO_STREAM],
      [[a, b, counted(9)], NO_STREAM],
      [[counted(9), b], NO_STREAM],
      [[b, a], NO_STREAM],
      [[b], NO_STREAM],
      [[b, counted(9)], 0n],
      [[a, counted(9)], ANY],
    ] as [EventData[], AppendExpectedRevision][])
      expect(await failureOf(append(events, at))).toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
    expect(await ids()).toEqual([a.id, b.id]);
  });

  it('that expects no revision is known by its ids: in any order, with gaps, and in the first stream only', async () => {
    const [a, b, c] = [counted(0), counted(1), counted(2)];
    await append([a, b, c], NO_STREAM);

    expect(await append([c, a], ANY)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await append([c], STREAM_EXISTS)).toMatchObject({ nextExpectedRevision: 2n });
    expect(await ids()).toHaveLength(3);
    const fresh = counted(3);
    await append([fresh, a], ANY);
    expect(await ids()).toEqual([a.id, b.id, c.id, fresh.id, a.id]);

    await append([a], ANY, 'second');
    await append([a], ANY, 'second');
    expect(await ids('second')).toEqual([a.id, a.id]);
    await append([a], ANY);
    expect(await ids()).toHaveLength(5);
  });

  it('that expects no revision is written again after a restart, as the ids are forgotten', async () => {
    const event = counted(0);
    await append([event], ANY);
    await append([event], ANY);
    expect(await ids()).toHaveLength(1);

    await peer().kill();
    await peer().start();
    await eventually(() => append([event], ANY));

    expect(await ids()).toHaveLength(2);
  });

  it('with one id twice stores it twice', async () => {
    const event = counted(0);
    await append([event, event], NO_STREAM);

    expect(await ids()).toEqual([event.id, event.id]);
  });

  it('of nothing succeeds and writes nothing, unless the revision is wrong', async () => {
    expect((await append([], ANY)).nextExpectedRevision).toBe(0n);
    expect(peer().log.stream('stream')).toHaveLength(0);
    await append(countedUpTo(3), NO_STREAM);
    const empty = await append([], 2n);
    expect(empty).toMatchObject({ nextExpectedRevision: 2n, position: expect.anything() });
    expect(await failureOf(append([], 0n))).toMatchObject({ type: 'wrong-expected-version' });
    expect(await failureOf(append([], NO_STREAM))).toMatchObject({ type: 'wrong-expected-version' });
    expect(peer().log.stream('stream')).toHaveLength(3);
  });

  it('may have 1 MiB of data and no byte more; metadata does not count', async () => {
    const data = new Uint8Array(1024 * 1024 - 100);
    const event = (size: number) => binaryEvent({ type: 'big', data: new Uint8Array(size), metadata: data });
    await append([event(data.length), event(100)], NO_STREAM);

    expect(await failureOf(append([event(data.length), event(101)], 1n))).toMatchObject({
      type: 'maximum-append-size-exceeded',
      maxAppendSize: 1024 * 1024,
    });
  });

  it('of an event without a type, with an id that is none, or to a stream without a name is refused', async () => {
    const nameless = client().appendToStream('', [counted(0)], options);
    expect(await failureOf(nameless)).toMatchObject({ type: 'unknown' });
    // The others kill the client on its batch path, two seconds later; what it is sent is shown elsewhere.
    if (!options.credentials) return;
    for (const event of [jsonEvent({ type: '', data: {} }), jsonEvent({ id: 'none', type: 'counted', data: {} })])
      expect(await failureOf(append([event], ANY))).toMatchObject({ type: 'unknown', code: 2 });
    expect(peer().log.stream('stream')).toHaveLength(0);
  });

  it('can go to a stream called $all', async () => {
    await append([counted(0)], NO_STREAM, '$all');

    expect(await ids('$all')).toHaveLength(1);
  });
});

describe('By the rules of 24.10', () => {
  const { client } = peerAndClient({ rules: '24.10' });

  it.each(paths)('the size of an append on %s is that of data, metadata and twice the type', async (_path, options) => {
    const event = (size: number) =>
      binaryEvent({ type: 'big', data: new Uint8Array(size), metadata: new Uint8Array(1_000) });
    const largest = 1024 * 1024 - 1_000 - 6;

    await client().appendToStream('stream', event(largest), options);
    expect(await failureOf(client().appendToStream('stream', event(largest + 1), options))).toMatchObject({
      type: 'maximum-append-size-exceeded',
    });
  });
});

describe('A batch stream', () => {
  const { peer, client } = peerAndClient({ maxAppendSize: 64 * 1024 * 1024 });

  /** Without the client, to see every answer. */
  function rawAppend(event: { id: string; type: string }) {
    const raw = new Client(peer().addresses[0]!, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = StreamsService.batchAppend;
    const call = raw.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    const proposed = new streams.BatchAppendReq.ProposedMessage()
      .setId(new shared.UUID().setString(event.id))
      .setData(Buffer.from('{}'));
    proposed.getMetadataMap().set('type', event.type).set('content-type', 'application/json');
    const options = new streams.BatchAppendReq.Options().setStreamIdentifier(
      new shared.StreamIdentifier().setStreamName(Buffer.from('stream')),
    );
    call.on('error', () => {});
    call.write(
      new streams.BatchAppendReq()
        .setIsFinal(true)
        .setCorrelationId(new shared.UUID().setString('7e0f6b7e-5c4d-4c4f-9d70-0d5d3a3d2f11'))
        .setOptions(options)
        .setProposedMessagesList([proposed]),
    );
    return { answers: call as AsyncIterable<streams.BatchAppendResp>, close: () => (call.cancel(), raw.close()) };
  }

  it.each([
    ['an empty type', { id: 'a8b6f4f6-6a34-4ab6-8b4e-6e7f2f0b9a10', type: '' }],
    ['an id that is none', { id: 'none', type: 'counted' }],
  ])('answers %s twice, the second time with its time limit', async (_what, event) => {
    const { answers, close } = rawAppend(event);
    const messages: (string | undefined)[] = [];
    for await (const answer of answers) {
      expect(answer.getCorrelationId()?.getString()).toBe('7e0f6b7e-5c4d-4c4f-9d70-0d5d3a3d2f11');
      if (messages.push(answer.getError()?.getMessage()) === 2) break;
    }
    close();

    expect(messages).toEqual(['BadRequest', 'Timeout']);
    expect(peer().log.stream('stream')).toHaveLength(0);
  });

  it('refuses what is past its deadline by the clock of the server', async () => {
    peer().shiftClock(60_000);

    const failure = await failureOf(client().appendToStream('stream', counted(0)));

    expect(failure).toMatchObject({ type: 'deadline-exceeded', message: '' });
    expect(failure.code).toBeUndefined();
    expect(peer().log.stream('stream')).toHaveLength(0);
    peer().shiftClock(0);
    await client().appendToStream('stream', counted(0));
  });

  it('puts together what comes in parts', async () => {
    const events = Array.from({ length: 20 }, () => binaryEvent({ type: 'big', data: new Uint8Array(900_000) }));

    const { nextExpectedRevision } = await client().appendToStream('stream', events, { expectedRevision: NO_STREAM });

    expect(nextExpectedRevision).toBe(19n);
    expect(peer().counts.batchAppends).toBe(1);
  });

  it('ends with a message of 16 MiB', async () => {
    const event = binaryEvent({ type: 'big', data: new Uint8Array(16 * 1024 * 1024) });

    expect(await failureOf(client().appendToStream('stream', event))).toMatchObject({ type: 'unknown', code: 8 });
  });
});
