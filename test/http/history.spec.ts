import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import {
  type Answered,
  establish,
  globalAdminOf,
  greatLakes,
  idNamed,
  customerPath,
  newCustomer,
  pairPath,
  type RunningServer,
  runServer,
  subscription,
} from './running-server.js';

describe('the history', () => {
  let server: RunningServer;
  let ours: string;
  let other: string;
  const next = ({ headers }: Answered) => /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  const types = ({ body }: Answered) => body.map(({ type }: any) => type);
  async function pages(address: string): Promise<Answered[]> {
    const all: Answered[] = [];
    for (let at: string | undefined = address; at; at = next(all.at(-1)!)) all.push(await server.get(at));
    return all;
  }

  beforeAll(async () => {
    server = await runServer();
    ours = await establish(server);
    await establish(server, newCustomer(), { partner: greatLakes, name: 'Not ours' });
    other = await establish(server);
    for (const id of ['a', 'b']) await server.post(`${ours}/subscriptions`, subscription(id));
    await server.post(`${ours}/subscriptions/a/suspend`, { reason: 'nonPayment' }, { as: { id: 'user-2' } });
    // Refused for state: in the journal, and not in the relationship.
    await server.post(`${ours}/subscriptions/a/suspend`, { reason: 'nonPayment' });
  });
  afterAll(() => server.end());

  it('has everything that the partner may see, in the order of the ledger, page by page', async () => {
    const answers = await pages('/v1/events?limit=3');
    const events = answers.flatMap(({ body }) => body);
    expect(answers.slice(0, -1).every(({ body }) => body.length === 3)).toBe(true);
    const positions = events.map(({ position }: any) => Number(position));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    expect(new Set(events.map(({ subject }: any) => subject)).size).toBe(2);
    const byRevision = (await pages(`${ours}/events?limit=4`)).flatMap(({ body }) => body);
    expect(events.filter(({ subject }: any) => subject === byRevision[0].subject)).toEqual(byRevision);
    expect(types(await server.get('/v1/events', { as: { tenant: greatLakes } }))).toHaveLength(3);
  });

  it('is filtered as asked', async () => {
    const found = async (query: string) => types(await server.get(`/v1/events?${query}`));
    expect(await found('type=SubscriptionSuspended')).toEqual(['SubscriptionSuspended']);
    expect(await found('type=SubscriptionSuspended,SubscriptionActivated&type=SubscriptionSuspended')).toEqual([
      'SubscriptionActivated',
      'SubscriptionActivated',
      'SubscriptionSuspended',
    ]);
    const suspended = ['SubscriptionSuspended', 'AutoRenewDisabled'];
    expect(await found(`actor=${idNamed('user-2')}`)).toEqual(suspended);
    expect(await found('command=SuspendSubscription')).toEqual(suspended);
    expect(await found('command=SuspendSubscription&journals=true')).toEqual([...suspended, 'CommandRejected']);
    expect(await found(`customerId=${other.split('/').at(-1)!.toUpperCase()}`)).toHaveLength(3);
    expect(await found('recordedFrom=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await found('recordedUntil=2001-01-01T00:00:00Z')).toEqual([]);
    const [{ commandid, correlationid, time }] = (await server.get(`/v1/events?actor=${idNamed('user-2')}`)).body;
    expect(await found(`commandId=${commandid}`)).toEqual(suspended);
    expect(await found(`correlationId=${correlationid}`)).toEqual(suspended);
    expect(await found(`recordedFrom=${time}&recordedUntil=${time}&command=SuspendSubscription`)).toEqual(suspended);
    expect(types(await server.get(`${ours}/events?journals=true&type=CommandRejected`))).toEqual(['CommandRejected']);
    expect(types(await server.get(`${other}/events?journals=true&type=CommandRejected`))).toEqual([]);
  });

  it('begins behind a place, and not after one of another ledger or one that there is not yet', async () => {
    const all = (await server.get('/v1/events?limit=200')).body;
    const [, second] = all;
    expect((await server.get(`/v1/events?after=${second.position}`)).body).toEqual(all.slice(2));
    const { headers } = await server.get('/v1/events');
    const place = headers.get('ledger-position')!;
    expect((await server.get(`/v1/events?after=${encodeURIComponent(place)}`)).body).toEqual([]);
    const elsewhere = place.replace(/"[^"]*"/, `"${newCustomer()}"`);
    for (const after of [elsewhere, String(Number.parseInt(place) + 1_000_000)])
      expect(await server.get(`/v1/events?after=${encodeURIComponent(after)}`)).toMatchObject({
        status: 400,
        code: 'LedgerPositionUnknown',
      });
    expect(await server.get('/v1/events', { headers: { 'ledger-position': elsewhere } })).toMatchObject({
      status: 400,
      code: 'LedgerPositionUnknown',
    });
  });

  it('comes whole as lines, with its end stated after the last one', async () => {
    const lines = await server.get('/v1/events', { headers: { accept: 'application/x-ndjson' } });
    expect(lines.status).toBe(200);
    expect(
      lines.body
        .trimEnd()
        .split('\n')
        .map((line: string) => JSON.parse(line)),
    ).toEqual((await server.get('/v1/events?limit=200')).body);
    expect(await server.get('/v1/events?limit=3', { headers: { accept: 'application/x-ndjson' } })).toMatchObject({
      status: 400,
      code: 'InvalidQuery',
    });
  });

  it('is for the partner’s side alone', async () => {
    const as = globalAdminOf(ours.split('/').at(-1)!);
    expect(await server.get('/v1/events', { as })).toMatchObject({ status: 400, code: 'PartnerNotNamed' });
    for (const sent of [{ as }, { as, headers: { accept: 'text/event-stream' } }])
      expect(
        await server.get(
          `${pairPath((await server.get('/v1/events')).body[0].data.partnerId, as.tenant!)}/events`,
          sent,
        ),
      ).toMatchObject({
        status: 403,
        code: 'ActorNotAllowed',
      });
    expect(await server.get('/v1/events', { as: { roles: ['DataProtectionOfficer'] } })).toMatchObject({ status: 403 });
  });

  it('has no form but those', async () => {
    for (const accept of ['text/html', 'application/x-ndjson;q=0'])
      expect(await server.get('/v1/events', { headers: { accept } })).toMatchObject({
        status: 406,
        code: 'NotAcceptable',
      });
    const type = async (accept: string) =>
      (await server.get('/v1/events', { headers: { accept } })).headers.get('content-type');
    expect(await type('application/json')).toBe('application/json; charset=utf-8');
    expect(await type('text/html, */*;q=0.1')).toBe('application/cloudevents-batch+json; charset=utf-8');
    expect(await type('application/*;q=0.5, application/x-ndjson')).toBe('application/x-ndjson; charset=utf-8');
  });

  it('finds a person by the address that an issuer names them by, and does not show it', async () => {
    const address = 'ada@contoso.example';
    const request = { customer: { name: 'Alpine Ski House' }, market: 'US' };
    const as = await server.tokenNaming(address);
    const path = `${customerPath(newCustomer())}/reseller-relationship/request`;
    expect((await server.post(path, request, { as })).status).toBe(200);
    const asked = () => server.get(`/v1/events?actor=${encodeURIComponent(address)}`);
    await eventually('the event', async () => (await asked()).body.length > 0);
    const { body } = await asked();
    expect(body.map(({ type }: any) => type)).toEqual(['ResellerRelationshipRequested']);
    expect(JSON.stringify(body)).not.toContain(address);
  });
});
