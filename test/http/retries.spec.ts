import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { establish, northwind, runServer, subscription, type Answered, type RunningServer } from './running-server.js';

jest.setTimeout(60_000);

/** What belongs to the answer, and not to the request that it was given to. */
const lasting = ({ status, body, headers }: Answered) => ({
  status,
  body,
  headers: Object.fromEntries(
    ['etag', 'location', 'content-type', 'ledger-position'].map((name) => [name, headers.get(name)]),
  ),
});

describe('a retry', () => {
  let server: RunningServer;
  let path: string;
  const revision = async () => (await server.get(`${path}/reseller-relationship`)).body.revision as number;

  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
  });
  afterAll(() => server.end());

  it('gets the first answer, and nothing happens twice', async () => {
    const key = randomUUID();
    const first = await server.post(`${path}/subscriptions`, subscription('twice'), {
      key,
      headers: { 'x-correlation-id': 'first' },
    });
    const before = await revision();
    const second = await server.post(`${path}/subscriptions`, subscription('twice'), {
      key,
      headers: { 'x-correlation-id': 'second' },
    });

    expect(first.status).toBe(201);
    expect(lasting(second)).toEqual(lasting(first));
    expect(second.body.correlationId).toBe('first');
    expect(second.headers.get('x-correlation-id')).toBe('second');
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    expect(await revision()).toBe(before);
  });

  it('is known in other words of the same: order of fields, case of ids, the key in quotes', async () => {
    const key = randomUUID();
    const id = randomUUID();
    const first = await server.post(
      `${path}/subscriptions`,
      subscription(id, { effectiveAt: '2026-01-01T00:00:00Z' }),
      { key },
    );
    const reversed = Object.fromEntries(
      Object.entries(subscription(id.toUpperCase(), { effectiveAt: '2026-01-01T02:00:00.000+02:00' })).reverse(),
    );
    const second = await server.post(`${path}/subscriptions`, reversed, { key: `"${key}"` });
    expect(lasting(second)).toEqual(lasting(first));
  });

  it('still gets it when the relationship has moved on, whatever If-Match says now', async () => {
    const key = randomUUID();
    const { headers } = await server.get(`${path}/reseller-relationship`);
    const sent = { key, headers: { 'if-match': headers.get('etag')! } };
    const first = await server.post(`${path}/profile/update`, { name: 'Contoso 2' }, sent);
    await server.post(`${path}/profile/update`, { name: 'Contoso 3' });
    const second = await server.post(`${path}/profile/update`, { name: 'Contoso 2' }, sent);

    expect(first.status).toBe(200);
    expect(lasting(second)).toEqual(lasting(first));
    expect(await server.post(`${path}/profile/update`, { name: 'Contoso 4' }, { headers: sent.headers })).toMatchObject(
      {
        status: 412,
        code: 'PreconditionFailed',
      },
    );
  });

  it.each([
    ['another body', 'subscriptions', subscription('other-body')],
    ['another command', 'profile/update', { name: 'Fabrikam' }],
  ])('with %s is no retry', async (_, command, body) => {
    const key = randomUUID();
    await server.post(`${path}/subscriptions`, subscription(`original-${key.slice(0, 8)}`), { key });
    expect(await server.post(`${path}/${command}`, body, { key })).toMatchObject({
      status: 422,
      code: 'IdempotencyKeyReused',
    });
  });

  it('with another item in the path is no retry', async () => {
    const key = randomUUID();
    for (const id of ['a', 'b']) await server.post(`${path}/subscriptions`, subscription(`path-${id}`));
    const suspend = (id: string) =>
      server.post(`${path}/subscriptions/path-${id}/suspend`, { reason: 'fraud' }, { key });
    expect((await suspend('a')).status).toBe(200);
    expect(await suspend('b')).toMatchObject({ status: 422, code: 'IdempotencyKeyReused' });
  });

  it('of another customer’s key is a command of its own', async () => {
    const key = randomUUID();
    const other = await establish(server);
    expect((await server.post(`${path}/profile/update`, { name: 'Mine' }, { key })).status).toBe(200);
    expect((await server.post(`${other}/profile/update`, { name: 'Mine' }, { key })).status).toBe(200);
  });

  it('at the same time as the first makes one append, and every answer is the first or says to wait', async () => {
    const key = randomUUID();
    const before = await revision();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => server.post(`${path}/subscriptions`, subscription('at-once'), { key })),
    );
    expect(new Set(answers.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(
        answers.some(({ status }) => status === 409) ? ['201 undefined', '409 CommandInProgress'] : ['201 undefined'],
      ),
    );
    expect(answers.filter(({ status, headers }) => status === 201 && !headers.has('idempotent-replayed'))).toHaveLength(
      1,
    );
    expect(await revision()).toBe(before + answers.find(({ status }) => status === 201)!.body.events.length);
    for (const { status, body, headers } of answers)
      if (status === 409) expect([body.retryable, headers.get('retry-after')]).toEqual([true, '1']);
  });

  it('of something refused is decided anew', async () => {
    const key = randomUUID();
    const suspend = () => server.post(`${path}/subscriptions/later/suspend`, { reason: 'fraud' }, { key });
    expect(await suspend()).toMatchObject({ status: 404, code: 'ItemNotFound' });
    await server.post(`${path}/subscriptions`, subscription('later'));
    expect((await suspend()).status).toBe(200);
  });

  it('gets the first answer from the next server too', async () => {
    const key = randomUUID();
    const first = await server.post(`${path}/subscriptions`, subscription('restarted'), { key });
    server = await server.restart();
    const second = await server.post(`${path}/subscriptions`, subscription('restarted'), { key });
    expect(lasting(second)).toEqual(lasting(first));
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('a dry run', () => {
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
  });
  afterAll(() => server.end());

  it('decides and records nothing; it takes no key and no If-Match', async () => {
    const before = (await server.get(`${path}/reseller-relationship`)).headers.get('etag');
    const bought = await server.post(`${path}/subscriptions?dryRun=true`, subscription('dry'), { key: null });
    expect(bought).toMatchObject({
      status: 200,
      body: { dryRun: true, events: [{ type: 'SubscriptionPurchased' }, { type: 'SubscriptionActivated' }] },
    });
    const removed = await server.post(`${path}/reseller-relationship/remove?dryRun=true`, {}, { key: null });
    expect(removed.body.events[0].type).toBe('ResellerRelationshipRemoved');
    expect((await server.get(`${path}/reseller-relationship`)).headers.get('etag')).toBe(before);
  });

  it('is refused as the command would be', async () => {
    await server.post(`${path}/subscriptions`, subscription('dry'));
    expect(await server.post(`${path}/subscriptions?dryRun=true`, subscription('dry'), { key: null })).toMatchObject({
      status: 409,
      code: 'ItemAlreadyExists',
    });
    expect(await server.post(`${path}/reseller-relationship/remove?dryRun=true`, {}, { key: null })).toMatchObject({
      status: 409,
      code: 'RemovalBlocked',
    });
    const stale = { key: null, headers: { 'if-match': '"0.1"' } };
    expect(await server.post(`${path}/subscriptions?dryRun=true`, subscription('dry-2'), stale)).toMatchObject({
      status: 412,
    });
  });

  it('says what would be of a relationship that is not there yet', async () => {
    const request = { customer: { name: 'Fabrikam' }, market: 'US' };
    const path = `/v1/customers/${randomUUID()}/reseller-relationship/request?dryRun=true`;
    expect(await server.post(path, request, { key: null })).toMatchObject({
      status: 200,
      body: { revision: -1, events: [{ data: { partnerId: northwind } }] },
    });
  });
});
