import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  establish,
  newCustomer,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';
import { operationType } from './contract.js';

const positionOf = ({ headers }: Answered) => Number.parseInt(headers.get('ledger-position')!);

describe('lists as they stood, with few at once', () => {
  const env = { AS_OF_AT_ONCE: '1', AS_OF_WAITING: '6' };
  let server: RunningServer;
  let positions: number[];
  const begin = (position: number) =>
    server.get(`/v1/items?asOfPosition=${position}`, {
      headers: { prefer: 'wait=0', accept: `application/json, ${operationType}` },
    });
  const told = ({ body: { items, position, asOf } }: Answered) => ({ items, position, asOf });

  beforeAll(async () => {
    server = await runServer({ env });
    const path = await establish(server, newCustomer());
    positions = [];
    for (let index = 0; index < 6; index++)
      positions.push(positionOf(await server.post(`${path}/subscriptions`, subscription(`s-${index}`))));
  });
  afterAll(() => server.end());

  it('say that others wait already, can be given up, and come through a kill', async () => {
    // The thread has not begun yet, so none of them can be there.
    const begun = await Promise.all(positions.map(begin));
    const accepted = begun.filter(({ status }) => status === 202);
    const busy = begun.filter(({ status }) => status !== 202);
    expect([accepted.length, busy.length]).toEqual([4, 2]);
    for (const refused of busy) {
      expect(refused).toMatchObject({
        status: 503,
        code: 'AsOfUnavailable',
        body: { reason: 'busy', retryable: true },
      });
      expect(refused.headers.get('retry-after')).toBe('2');
    }
    // The one that stands last in the line.
    const last = accepted.at(-1)!;
    expect(last.body).toMatchObject({ status: 'notStarted', steps: [{ status: 'running' }, { status: 'notStarted' }] });
    expect(last.headers.get('retry-after')).toBe('1');
    const cancelled = await server.send(last.headers.get('location')!, { method: 'DELETE' });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', result: null, error: null } });
    const again = await server.get(last.headers.get('location')!, { headers: { prefer: 'wait=30' } });
    expect(again.body.status).toBe('cancelled');

    const [first] = accepted as [Answered];
    const succeeded = await server.get(first.headers.get('location')!, { headers: { prefer: 'wait=30' } });
    expect(succeeded.body.status).toBe('succeeded');
    const before = told(await server.get(succeeded.body.result.href as string));

    // Some are on their way, and what they have written so far stays behind.
    await Promise.all(positions.map(begin));
    const directory = join(server.dataDirectory, 'as-of');
    expect(readdirSync(directory).length).toBeGreaterThan(0);
    await server.killAtOnce();
    expect(readdirSync(directory).length).toBeGreaterThan(0);
    server = await server.restart();
    expect(readdirSync(directory)).toEqual([]);
    // Operations do not outlive their server; the question does, and so does its answer.
    expect(await server.get(first.headers.get('location')!)).toMatchObject({ status: 404, code: 'OperationNotFound' });
    const href = succeeded.body.result.href as string;
    expect(told(await server.get(href, { headers: { prefer: 'wait=30' } }))).toEqual(before);
  });
});

describe('what was answered', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer();
  });
  afterAll(() => server.end());

  it('is what is answered as of then, list by list and relationship by relationship', async () => {
    const customers = [newCustomer(), newCustomer()];
    const [one, two] = customers.map((customer) => `/v1/customers/${customer}`) as [string, string];
    const commands: [string, object, (Record<string, string> | undefined)?][] = [
      [`${one}/subscriptions`, subscription('a', { kind: 'legacy', name: 'Älteres' })],
      [`${two}/subscriptions`, subscription('b')],
      [`${one}/subscriptions/a/suspend`, { reason: 'nonPayment' }],
      [`${one}/delegated-admin`, { grantId: 'g', name: 'Helpdesk', roles: [newCustomer()], durationDays: 30 }],
      [`${two}/subscriptions/b/suspend`, { reason: 'customerRequest' }],
      [`${two}/reseller-relationship/remove`, {}, { 'if-match': '*' }],
      [`${one}/subscriptions/a/reactivate`, {}],
      [`${one}/profile/update`, { name: 'Zuletzt' }],
    ];
    const lists = [
      '/v1/customers?sort=name',
      '/v1/items?sort=name',
      '/v1/support-contacts',
      '/v1/delegated-admin-grants?status=all',
      '/v1/ended-relationships',
      `${one}/items`,
      `${one}/support-contacts`,
      `${one}/delegated-admin?status=all`,
      `${two}/items`,
    ];
    const alone = [`${one}/reseller-relationship`, `${one}/subscriptions/a`, `${two}/reseller-relationship`];

    for (const [index, customer] of customers.entries()) await establish(server, customer, { name: `C${index}` });
    const seen: { position: number; at: string; lists: unknown[]; alone: unknown[] }[] = [];
    for (const [path, body, headers = {}] of commands) {
      const sent = await server.post(path, body, { headers });
      expect({ path, status: sent.status < 300 }).toEqual({ path, status: true });
      const place = { 'ledger-position': sent.headers.get('ledger-position')!, prefer: 'wait=30' };
      const now = await Promise.all(lists.map((list) => server.get(list, { headers: place })));
      const each = await Promise.all(alone.map((address) => server.get(address)));
      const customer = path.split('/', 4).join('/');
      const [event] = (await server.get(`${customer}/events?after=${sent.body.revision - 1}`)).body;
      seen.push({
        position: positionOf(sent),
        at: event.time,
        lists: now.map(({ body: { items, available } }) => ({ items, available })),
        alone: each.map(({ body }) => body),
      });
      // So that no two have the same time.
      await new Promise((resolve) => setTimeout(resolve, 3));
    }

    for (const { position, at, ...then } of seen)
      for (const moment of [`asOfPosition=${position}`, `asOf=${at}`]) {
        const and = (address: string) => `${address}${address.includes('?') ? '&' : '?'}${moment}`;
        for (const [index, list] of lists.entries()) {
          const { body } = await server.get(and(list), { headers: { prefer: 'wait=30' } });
          expect({ list, moment, items: body.items, available: body.available }).toEqual({
            list,
            moment,
            ...(then.lists[index] as object),
          });
        }
        for (const [index, address] of alone.entries()) {
          const { asOf: _, ...body } = (await server.get(and(address))).body;
          expect({ address, moment, body }).toEqual({ address, moment, body: then.alone[index] });
        }
      }
  });
});
