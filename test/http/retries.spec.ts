import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  establish,
  globalAdminOf,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

/** What belongs to the answer, and not to the request that it was given to. */
const lasting = ({ status, body, headers }: Answered) => ({
  status,
  // The order of fields too, so that this is about bytes.
  body: JSON.stringify(body),
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

  it('may come by the other path that a partner has', async () => {
    const customerId = path.split('/').at(-1)!;
    const key = randomUUID();
    const long = `${pairPath(northwind, customerId)}/subscriptions`;
    const first = await server.post(long, subscription('by-another-path'), { key });
    const second = await server.post(`${path}/subscriptions`, subscription('by-another-path'), { key });
    expect(first.status).toBe(201);
    expect(lasting(second)).toEqual(lasting(first));
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect((await server.get(second.headers.get('location')!)).status).toBe(200);
  });

  it('is known with null for what it left out, a byte order mark, other line ends and invisible ends', async () => {
    const key = randomUUID();
    const first = await server.post(
      `${path}/subscriptions`,
      subscription('other-form', { name: 'Business', comment: 'first\nsecond' }),
      { key },
    );
    expect(first.status).toBe(201);
    const same = [
      subscription('other-form', { name: 'Business', comment: 'first\nsecond', trial: null, price: null }),
      subscription('other-form', { name: '\ufeffBusiness\u200b', comment: '\u200bfirst\r\nsecond' }),
      subscription('other-form', { name: 'Business', comment: 'first\rsecond\ufeff' }),
    ];
    for (const body of [...same, `\ufeff${JSON.stringify(same[0])}`]) {
      const second = await server.post(`${path}/subscriptions`, body, { key });
      expect(lasting(second)).toEqual(lasting(first));
    }
    expect((await server.get(`${path}/subscriptions/other-form`)).body).toMatchObject({ name: 'Business' });
    const other = await server.post(
      `${path}/subscriptions`,
      subscription('other-form', { name: 'Business', comment: 'first second' }),
      { key },
    );
    expect(other.code).toBe('IdempotencyKeyReused');
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

  it('of something refused for anything but the state is decided again', async () => {
    const key = randomUUID();
    const send = (command: string, body: object, headers = {}) =>
      server.post(`${path}/${command}`, body, { key, headers });
    const later = subscription('later', { effectiveAt: '2999-01-01T00:00:00Z' });
    expect(await send('subscriptions/later/suspend', { reason: 'fraud' })).toMatchObject({ status: 404 });
    expect(await send('subscriptions', later)).toMatchObject({ status: 422, code: 'EffectiveInFuture' });
    expect(await send('profile/update', { name: 7 })).toMatchObject({ status: 400 });
    expect(await send('reseller-relationship/remove', {})).toMatchObject({ status: 428 });
    expect(await send('profile/update', { name: 'Adatum' }, { 'if-match': '"0.1"' })).toMatchObject({ status: 412 });
    const answered = await send('subscriptions', subscription('later'));
    expect([answered.status, answered.headers.get('idempotent-replayed')]).toEqual([201, null]);
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

describe('a retry of what the state did not allow', () => {
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
  });
  afterAll(() => server.end());
  const suspend = (id: string, sent: object) =>
    server.post(`${path}/subscriptions/${id}/suspend`, { reason: 'fraud' }, sent);

  it('gets the first refusal, though the command would be accepted by now', async () => {
    const key = randomUUID();
    await server.post(`${path}/subscriptions`, subscription('blocking', { name: 'Büro “E3”' }));
    const { headers } = await server.get(`${path}/reseller-relationship`);
    const remove = (sent: object) => server.post(`${path}/reseller-relationship/remove`, {}, sent);
    const sent = { key, headers: { 'if-match': headers.get('etag')!, 'x-correlation-id': 'first' } };
    const first = await remove(sent);
    expect(first).toMatchObject({ status: 409, code: 'RemovalBlocked', body: { blockers: [{ itemId: 'blocking' }] } });
    expect(first.headers.get('ledger-position')).toBe(headers.get('ledger-position'));
    expect((await suspend('blocking', {})).status).toBe(200);

    // With the tag that it was sent with, with another, and with none.
    for (const ifMatch of [{ 'if-match': headers.get('etag')! }, { 'if-match': '*' }, {}]) {
      const again = await remove({ key, headers: { 'x-correlation-id': 'second', ...ifMatch } });
      expect(lasting(again)).toEqual(lasting(first));
      expect(again.body.correlationId).toBe('first');
      expect(again.headers.get('x-correlation-id')).toBe('second');
      expect([first, again].map((each) => each.headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    }
    expect(await server.post(`${path}/reseller-relationship/remove?dryRun=true`, {}, { key: null })).toMatchObject({
      status: 200,
    });
  });

  it('gets it by the other address of the customer too, in the words of the first', async () => {
    const key = randomUUID();
    const body = { name: 'Contoso' };
    const first = await server.post(`${path}/profile/update`, body, { key });
    expect(first).toMatchObject({ status: 409, code: 'NothingToChange' });
    const customerId = path.split('/').at(-1)!;
    const again = await server.post(`${pairPath(northwind, customerId)}/profile/update`, body, { key });
    expect(lasting(again)).toEqual(lasting(first));
  });

  it('gets it from the next server too, and grows neither the relationship nor what it rests on', async () => {
    await server.post(`${path}/subscriptions`, subscription('restarted'));
    const before = (await server.get(`${path}/reseller-relationship`)).headers;
    const sent = [randomUUID(), randomUUID()].map((key) => ({ key }));
    const buy = (each: object) => server.post(`${path}/subscriptions`, subscription('restarted'), each);
    const first = await Promise.all(sent.map(buy));
    for (const { status, code } of first) expect([status, code]).toEqual([409, 'ItemAlreadyExists']);
    server = await server.restart();
    const again = await Promise.all(sent.map(buy));
    expect(again.map(lasting)).toEqual(first.map(lasting));
    const after = (await server.get(`${path}/reseller-relationship`)).headers;
    for (const name of ['etag', 'ledger-position']) expect(after.get(name)).toBe(before.get(name));
  });

  it('with another body or another command is no retry', async () => {
    const key = randomUUID();
    await server.post(`${path}/subscriptions`, subscription('taken'));
    expect(await server.post(`${path}/subscriptions`, subscription('taken'), { key })).toMatchObject({ status: 409 });
    for (const [command, body] of [
      ['subscriptions', subscription('free')],
      ['subscriptions/taken/suspend', { reason: 'fraud' }],
      ['subscriptions/not-there/suspend', { reason: 'fraud' }],
    ] as const)
      expect(await server.post(`${path}/${command}`, body, { key })).toMatchObject({
        status: 422,
        code: 'IdempotencyKeyReused',
      });
  });

  it('is for those alone who may send the command: to others the key shows nothing', async () => {
    const accepted = randomUUID();
    const refused = randomUUID();
    const buy = (sent: object) => server.post(`${path}/subscriptions`, subscription('guarded'), sent);
    expect((await buy({ key: accepted })).status).toBe(201);
    expect((await buy({ key: refused })).status).toBe(409);
    const customerId = path.split('/').at(-1)!;
    for (const key of [accepted, refused, randomUUID()]) {
      for (const as of [{ roles: ['DataProtectionOfficer'] }, { roles: ['Auditor'] }]) {
        const answered = await buy({ key, as });
        expect(answered).toMatchObject({ status: 403, code: 'RoleNotAllowed' });
        expect(answered.headers.has('ledger-position')).toBe(false);
      }
      expect(
        await server.post(`${pairPath(northwind, customerId)}/subscriptions`, subscription('guarded'), {
          key,
          as: globalAdminOf(customerId),
        }),
      ).toMatchObject({ status: 403, code: 'ActorNotAllowed' });
    }
    expect((await buy({ key: refused })).headers.get('idempotent-replayed')).toBe('true');
  });

  it('keeps a name of a grant that was taken taken for that key', async () => {
    const body = (grantId: string) => ({
      grantId,
      name: 'Night shift',
      roles: ['f2ef992c-3afb-46b9-b7cf-a126ee74c451'],
      durationDays: 30,
    });
    const key = randomUUID();
    const other = await establish(server);
    expect((await server.post(`${other}/delegated-admin`, body('first'))).status).toBe(201);
    const first = await server.post(`${path}/delegated-admin`, body('second'), { key });
    expect(first).toMatchObject({ status: 409, code: 'NameNotUnique' });
    const rename = { name: 'Day shift' };
    expect((await server.post(`${other}/delegated-admin/first/update`, rename)).status).toBe(200);
    expect(lasting(await server.post(`${path}/delegated-admin`, body('second'), { key }))).toEqual(lasting(first));
    expect((await server.post(`${path}/delegated-admin`, body('second'))).status).toBe(201);
  });

  it('at the same time as the first makes one record, and every answer is the first or says to wait', async () => {
    const key = randomUUID();
    await server.post(`${path}/subscriptions`, subscription('once'));
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => server.post(`${path}/subscriptions`, subscription('once'), { key })),
    );
    const refused = answers.filter(({ code }) => code === 'ItemAlreadyExists');
    expect(refused.length + answers.filter(({ code }) => code === 'CommandInProgress').length).toBe(12);
    expect(new Set(refused.map((each) => JSON.stringify(lasting(each)))).size).toBe(1);
    expect(refused.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
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
      body: {
        dryRun: true,
        relationship: { partnerId: northwind, status: 'active', relationshipTerm: 1 },
        events: ['SubscriptionPurchased', 'SubscriptionActivated'],
        wouldRecord: [{ type: 'SubscriptionPurchased' }, { type: 'SubscriptionActivated' }],
      },
    });
    const removed = await server.post(`${path}/reseller-relationship/remove?dryRun=true`, {}, { key: null });
    expect(removed.body.wouldRecord[0].type).toBe('ResellerRelationshipRemoved');
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
      body: { relationship: { status: 'unknown' }, revision: -1, wouldRecord: [{ data: { partnerId: northwind } }] },
    });
  });
});
