import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { viewsFileIn } from '#projector';
import { timeOfDay } from '../wall-clock.js';
import { liveFeed } from './live-feed.js';
import { establish, runServer, subscription, type Answered, type RunningServer } from './running-server.js';

const nextOf = ({ headers }: Answered) => /<([^>]*)>/.exec(headers.get('link')!)![1]!;

describe('a ledger that was restored from a backup, and has grown past what was lost', () => {
  let server: RunningServer;
  let path: string;
  const places: Record<'kept' | 'lost' | 'last', string> = { kept: '', lost: '', last: '' };
  const lost = () => ({ status: 400, code: 'LedgerPositionUnknown', body: { reason: 'lostInRestore' } });

  const purchase = async (id: string) =>
    (await server.post(`${path}/subscriptions`, subscription(id))).headers.get('ledger-position')!;

  const listAt = (place: string, headers: Record<string, string> = {}) =>
    server.get(`/v1/support-contacts?asOfPosition=${parseInt(place)}`, {
      headers: { 'ledger-position': place, prefer: 'wait=20', ...headers },
    });
  let nextPage: string;
  let nextOfExplanation: string;
  let samePlace: boolean;
  let conditional: Answered;

  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
    places.kept = await purchase('kept');
    const events = join(server.dataDirectory, 'events.sqlite');
    const database = new Database(events, { readonly: true });
    await database.backup(`${events}.backup`);
    database.close();
    places.lost = await purchase('lost');
    const tag = (await listAt(places.lost)).headers.get('etag')!;
    // Up to the purchase that is lost: its activation is on the next one.
    const page = await server.get(`${path}/events?limit=6`);
    expect(page.body.at(-1).data.subscriptionId).toBe('lost');
    nextPage = nextOf(page);
    for (const quantity of [11, 12]) await server.post(`${path}/subscriptions/kept/quantity`, { quantity });
    nextOfExplanation = nextOf(await server.get(`${path}/explanations/items/subscription/kept?limit=4`));
    await server.stop();

    for (const end of ['', '-wal', '-shm']) rmSync(`${events}${end}`, { force: true });
    cpSync(`${events}.backup`, events);
    for (const end of ['', '-wal', '-shm']) rmSync(`${viewsFileIn(server.dataDirectory)}${end}`, { force: true });
    server = await runServer({ dataDirectory: server.dataDirectory, store: server.store });
    const other = await purchase('other');
    samePlace = parseInt(other) === parseInt(places.lost);
    conditional = await listAt(other, { 'if-none-match': tag });
    for (const id of ['another', 'third']) places.last = await purchase(id);
  });
  afterAll(() => server.end());

  it('refuses a place in what was lost, and takes one before', async () => {
    for (const url of [
      '/v1/items',
      '/v1/events',
      '/v1/security-events',
      `${path}/reseller-relationship`,
      `${path}/events`,
      `${path}/explanations/items/subscription/kept`,
      `/v1/items?asOfPosition=${parseInt(places.kept)}`,
    ]) {
      expect([url, await server.get(url, { headers: { 'ledger-position': places.lost } })]).toMatchObject([
        url,
        lost(),
      ]);
      const kept = { headers: { 'ledger-position': places.kept, prefer: 'wait=20' } };
      expect([url, (await server.get(url, kept)).status]).toEqual([url, 200]);
    }
  });

  it('has other tags for lists where the place is the same again', () => {
    expect([samePlace, conditional.status]).toEqual([true, 200]);
  });

  it('gets the same place from a command, a relationship, a list, the history and its live form', async () => {
    const seen = { headers: { 'ledger-position': places.last, prefer: 'wait=20' } };
    for (const url of [
      '/v1/items',
      `/v1/items?asOf=${timeOfDay().toISOString()}`,
      '/v1/events',
      `${path}/reseller-relationship`,
    ])
      expect([url, (await server.get(url, seen)).headers.get('ledger-position')]).toEqual([url, places.last]);
    const feed = await liveFeed(server, '/v1/events');
    expect((await feed.arrived((await server.get('/v1/events')).body.length)).at(-1)!.id).toBe(places.last);
    feed.close();
  });

  it('does not let a reader of the feed go on from there, in any form', async () => {
    const headers = { accept: 'text/event-stream', 'last-event-id': places.lost };
    expect(await server.get('/v1/events', { headers })).toMatchObject(lost());
    for (const accept of ['application/json', 'application/x-ndjson', 'text/event-stream'])
      expect(
        await server.get(`/v1/events?after=${encodeURIComponent(places.lost)}`, { headers: { accept } }),
      ).toMatchObject(lost());
  });

  it('does not let a reader of a relationship turn to the next page, in any form or under a filter', async () => {
    expect(await server.get(nextPage)).toMatchObject(lost());
    const others: readonly [string, string][] = [
      [nextPage.replace(/&limit=.*/, ''), 'application/x-ndjson'],
      [nextPage.replace(/&limit=.*/, ''), 'text/event-stream'],
      [`${nextPage}&type=SubscriptionActivated`, 'application/json'],
      [nextPage.replace('after=5', 'after=500'), 'application/json'],
    ];
    for (const [url, accept] of others)
      expect([url, await server.get(url, { headers: { accept } })]).toMatchObject([url, lost()]);
  });

  it('does not let a reader of an explanation turn to the next page, but by the revision alone', async () => {
    expect(await server.get(nextOfExplanation)).toMatchObject(lost());
    const asItWas = await server.get(`${nextOfExplanation}&asOfRevision=4`);
    expect([asItWas.status, asItWas.body.events]).toEqual([200, []]);
    const url = `${path}/explanations/items/subscription/kept?after=3`;
    expect((await server.get(url)).body.events).toMatchObject([{ type: 'SubscriptionActivated', revision: 4 }]);
    expect(await server.get(`${url};event="1b4e28ba"`)).toMatchObject({ status: 400, code: 'InvalidQuery' });
  });

  it('carries a retry of a lost command out as a new one, as nothing knows of it', async () => {
    expect(await purchase('lost')).toMatch(/;event="/);
    const { body } = await server.get(`${path}/events`);
    expect(body.filter(({ type }: any) => type === 'SubscriptionPurchased').map(({ data }: any) => data)).toMatchObject(
      ['kept', 'other', 'another', 'third', 'lost'].map((subscriptionId) => ({ subscriptionId })),
    );
  });
});
