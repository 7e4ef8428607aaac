import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { embeddedKey, signToken } from '#http';
import { eventually } from '../eventually.js';
import { liveFeed } from './live-feed.js';
import {
  establish,
  greatLakes,
  newCustomer,
  northwind,
  runServer,
  subscription,
  type RunningServer,
} from './running-server.js';

describe('the live history', () => {
  let server: RunningServer;
  let ours: string;
  const everything = async () => (await server.get('/v1/events?limit=200')).body as any[];
  const suspend = (id: string) => server.post(`${ours}/subscriptions/${id}/suspend`, { reason: 'nonPayment' });
  const reactivate = (id: string) => server.post(`${ours}/subscriptions/${id}/reactivate`);

  beforeAll(async () => {
    server = await runServer({ env: { MAX_LIVE_STREAMS: '15' } });
    ours = await establish(server);
    await server.post(`${ours}/subscriptions`, subscription('a'));
  });
  afterAll(() => server.end());

  it('sends the past and then what comes, each event once, under its place in the ledger', async () => {
    const feed = await liveFeed(server, '/v1/events');
    expect(feed.status).toBe(200);
    expect(feed.headers.get('content-type')).toBe('text/event-stream');
    const before = await everything();
    await feed.arrived(before.length);
    await suspend('a');
    await establish(server, newCustomer(), { partner: greatLakes, name: 'Not ours' });
    await reactivate('a');
    const after = await everything();
    expect(after.length).toBeGreaterThan(before.length + 1);
    const messages = await feed.arrived(after.length);
    expect(messages.map(({ data }) => JSON.parse(data))).toEqual(after);
    const ledger = feed.headers.get('ledger-position')!.split(';')[1];
    expect(messages.map(({ id, event }) => [id, event])).toEqual(
      after.map(({ position, id, type }) => [`${position};${ledger};event="${id.slice(0, 13)}"`, type]),
    );
    feed.close();
  });

  it('goes on after the id that came last, whatever else is said', async () => {
    const all = await everything();
    const first = await liveFeed(server, '/v1/events');
    const [, , third] = await first.arrived(all.length);
    first.close();
    const feed = await liveFeed(server, `/v1/events?after=${all.at(-1).position}`, {
      headers: { 'last-event-id': third!.id! },
    });
    await feed.arrived(all.length - 3);
    expect(feed.messages.map(({ data }) => JSON.parse(data))).toEqual(all.slice(3));
    feed.close();
  });

  it('refuses at once to go on after a place of another ledger, or one that this has not reached', async () => {
    const place = (await server.get('/v1/events')).headers.get('ledger-position')!;
    for (const id of [
      place.replace(/ledger="[^"]*"/, `ledger="${newCustomer()}"`),
      place.replace(/^\d+/, (digits) => `${digits}000`),
    ])
      expect(
        await server.get('/v1/events', { headers: { accept: 'text/event-stream', 'last-event-id': id } }),
      ).toMatchObject({ status: 400, code: 'LedgerPositionUnknown' });
    expect(
      await server.get('/v1/events', { headers: { accept: 'text/event-stream', 'last-event-id': 'x' } }),
    ).toMatchObject({ status: 400, code: 'InvalidHeader', body: { errors: [{ pointer: 'Last-Event-ID' }] } });
  });

  it('sends only what is asked for, of a relationship, with refusals when they are asked for', async () => {
    const place = encodeURIComponent((await server.get('/v1/events')).headers.get('ledger-position')!);
    const feeds = await Promise.all(
      [
        `${ours}/events?after=${place}&type=SubscriptionSuspended`,
        `/v1/events?after=${place}&journals=true&command=SuspendSubscription`,
        `/v1/events?after=${place}&customerId=${newCustomer()}`,
        `${ours}/events?after=0&type=CustomerAgreementConfirmed`,
      ].map((path) => liveFeed(server, path)),
    );
    await suspend('a');
    expect(await suspend('a')).toMatchObject({ status: 409, code: 'InvalidTransition' });
    await reactivate('a');
    const types = (index: number) => feeds[index]!.messages.map(({ event }) => event);
    await feeds[1]!.arrived(2);
    expect(types(1)).toEqual(['SubscriptionSuspended', 'CommandRejected']);
    await feeds[0]!.arrived(1);
    expect(types(0)).toEqual(['SubscriptionSuspended']);
    await feeds[3]!.arrived(1);
    expect([types(2), types(3)]).toEqual([[], ['CustomerAgreementConfirmed']]);
    // Where nothing was asked for there is still a place to go on from.
    expect(feeds[2]!.lastId()).toBe(decodeURIComponent(place));
    for (const feed of feeds) feed.close();
  });

  it('ends with the token', async () => {
    const { signing } = await embeddedKey(join(server.store.keysDirectory, 'token-key.json'));
    const token = await signToken(signing, {
      tenant: northwind,
      roles: ['Auditor'],
      app: false,
      id: 'for-a-moment',
      minutes: 2 / 60,
    });
    const feed = await liveFeed(server, '/v1/events', { as: token });
    expect(feed.status).toBe(200);
    await feed.ended;
    expect(feed.messages.length).toBeGreaterThan(0);
  });

  it('is open no more often than it may be, for a caller, a tenant and all of them', async () => {
    const accept = { accept: 'text/event-stream' };
    const mine = await Promise.all(
      Array.from({ length: 10 }, () => liveFeed(server, '/v1/events', { as: { id: 'many' } })),
    );
    expect(mine.map(({ status }) => status)).toEqual(mine.map(() => 200));
    const refused = await server.get('/v1/events', { headers: accept, as: { id: 'many' } });
    expect(refused).toMatchObject({ status: 429, code: 'TooManyStreams', body: { limit: 10, retryable: true } });
    expect(refused.headers.get('retry-after')).toBe('5');
    const others = [
      await liveFeed(server, '/v1/events', { as: { id: 'one' } }),
      await liveFeed(server, '/v1/events', { as: { id: 'another' } }),
    ];
    expect(await server.get('/v1/events', { headers: accept, as: { id: 'one' } })).toMatchObject({
      status: 429,
      code: 'TooManyStreams',
      body: { limit: 12 },
    });
    for (const id of ['a', 'b', 'c'])
      others.push(await liveFeed(server, '/v1/events', { as: { tenant: greatLakes, id } }));
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 200));
    expect(await server.get('/v1/events', { headers: accept, as: { tenant: greatLakes } })).toMatchObject({
      status: 503,
      code: 'StreamsExhausted',
    });
    expect(await server.get('/v1/events', { headers: { accept: 'application/x-ndjson' } })).toMatchObject({
      status: 429,
      code: 'TooManyStreams',
    });
    // Pages are not bounded by it.
    expect(await server.get('/v1/events')).toMatchObject({ status: 200 });
    for (const feed of [...mine, ...others]) feed.close();
    await eventually(
      'streams that are closed count no more',
      async () => (await server.get('/v1/events', { headers: { accept: 'application/x-ndjson' } })).status === 200,
    );
  });

  it('has a head without a body, however long it would be', async () => {
    const answer = await server.send('/v1/events', { method: 'HEAD', headers: { accept: 'text/event-stream' } });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
  });

  it('ends with the server, which it does not hold up', async () => {
    const feeds = await Promise.all(Array.from({ length: 5 }, () => liveFeed(server, '/v1/events')));
    await server.stop();
    // Ended, and not cut off.
    await Promise.all(feeds.map(({ ended }) => ended));
  });
});
