import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { roles, type Role } from '#customer-relationship';
import { customersDecision, isAmong, sendersOf, type Senders } from '#customer-relationship/test-kit';
import { embeddedAudience, embeddedIssuer, embeddedKey } from '#http';
import { generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { throughLanes } from '../../apps/server/src/commands/lanes.js';
import { bodyOf, openapi } from './contract.js';
import {
  establish,
  globalAdminOf,
  greatLakes,
  newCustomer,
  northwind,
  runServer,
  type Answered,
  type RunningServer,
  type Sent,
  type Who,
} from './running-server.js';

// Who may come in where: every route of the document as every kind of caller. The rows of commands stand in the domain's
// frozen table, those of questions here; a route without a row fails.

const reading: Senders = ['GASHBU', 'GASHBU', 'customer'];
const partnersReading: Senders = ['GASHBU', 'GASHBU', '-'];
const questions: Readonly<Record<string, Senders>> = {
  'GET /reseller-relationship': reading,
  'GET /reseller-relationship/removal-readiness': reading,
  'GET /subscriptions/{subscriptionId}': reading,
  'GET /subscriptions/{subscriptionId}/azure-subscriptions/{azureSubscriptionId}': reading,
  'GET /reservations/{reservationId}': reading,
  'GET /software/{purchaseId}': reading,
  'GET /savings-plans/{savingsPlanId}': reading,
  'GET /delegated-admin': reading,
  'GET /delegated-admin/{grantId}': reading,
  'GET /delegated-admin/{grantId}/access-assignments/{assignmentId}': reading,
  'GET /items': reading,
  'GET /due': reading,
  'GET /support-contacts': reading,
  'GET /operations/{operationId}': reading,
  'DELETE /operations/{operationId}': reading,
  // They name the partner's people.
  'GET /events': partnersReading,
  'GET /explanations/customer-list': partnersReading,
  'GET /explanations/items/{item}/{itemId}': partnersReading,
  'GET /explanations/support-contacts': partnersReading,
  'GET /explanations/support-contacts/{subscriptionId}': partnersReading,
  'GET /explanations/delegated-admin-grants/{grantId}': partnersReading,
  'GET /explanations/relationship-requests': partnersReading,
  'GET /explanations/ended-relationships': partnersReading,

  // Of all customers of the partner
  'GET /v1/customers': partnersReading,
  'GET /v1/items': partnersReading,
  'GET /v1/due': partnersReading,
  'GET /v1/support-contacts': partnersReading,
  'GET /v1/delegated-admin-grants': partnersReading,
  'GET /v1/relationship-requests': partnersReading,
  'GET /v1/ended-relationships': partnersReading,
  'GET /v1/events': partnersReading,
  'GET /v1/operations/{operationId}': partnersReading,
  'DELETE /v1/operations/{operationId}': partnersReading,
  'GET /v1/security-events': ['GU', 'GU', '-'],
};
const table: Readonly<Record<string, Senders>> = { ...sendersOf, ...questions };
/** Everybody who is known may send it: who may send which item is decided for each item. */
const ofManyParties = ['POST /v1/commands'];
/** Without a token. */
const open = ['/health/', '/problems', '/schemas/'];

interface Route {
  readonly method: string;
  readonly path: string;
  /** Its row. */
  readonly name: string;
  /** Where that stands. */
  readonly rowsIn: string;
  readonly form: 'customers' | 'partners' | 'partner-wide';
  readonly example: unknown;
}

const paths = Object.entries(openapi['paths'] as Record<string, Record<string, any>>);
const routes = paths.flatMap(([path, operations]) =>
  Object.entries(operations).map(([lower, operation]): Route => {
    const method = lower.toUpperCase();
    const below = /^\/v1\/(?:partners\/\{partnerId\}\/)?customers\/\{customerId\}(\/.*)$/.exec(path)?.[1];
    const command = operation['x-command'] as string | undefined;
    return {
      method,
      path,
      name: command ?? `${method} ${below ?? path}`,
      rowsIn: command === undefined ? 'test/http/roles.spec.ts' : 'libs/customer-relationship/src/test-rights.ts',
      form: below === undefined ? 'partner-wide' : path.startsWith('/v1/partners/') ? 'partners' : 'customers',
      example: operation['requestBody'] && bodyOf(operation)['example'],
    };
  }),
);
const ofParties = routes.filter(({ path, name }) => path.startsWith('/v1/') && !ofManyParties.includes(name));

/** What a caller meets: is let in, whatever the state says then; or is not, and learns why. */
type Verdict = 'let in' | `${401 | 403 | 404 | 400} ${string}`;

/** Of somebody of the partner whose customer it is. */
function verdictOnPartner({ name }: Route, held: readonly Role[], app: boolean): Verdict {
  const [users, apps] = table[name]!;
  if (table[name] === customersDecision && !app)
    return isAmong('GASHB', held) ? '403 AcceptorNotGlobalAdmin' : '403 RoleNotAllowed';
  if (app && apps === '-') return '403 UserContextRequired';
  return isAmong(app ? apps : users, held) ? 'let in' : '403 RoleNotAllowed';
}

interface Kind {
  readonly name: string;
  readonly as: (server: RunningServer, customer: string) => Who | string | null | Promise<string>;
  readonly verdict: (route: Route) => Verdict;
}

const person = (held: readonly Role[], app = false): Kind => ({
  name: `${app ? 'an app' : 'a user'} with ${held.join(' and ') || 'no role'}`,
  as: () => ({ roles: held, app, id: app ? 'app' : 'user' }),
  verdict: (route) => verdictOnPartner(route, held, app),
});
const all = roles.filter((role) => role !== 'CustomerGlobalAdmin');
const startsRelationship = ({ name }: Route) => name === 'RequestResellerRelationship';

const kinds: readonly Kind[] = [
  ...all.map((role) => person([role])),
  person([]),
  person(['GlobalAdmin', 'AdminAgent']),
  ...all.map((role) => person([role], true)),
  person(['GlobalAdmin', 'AdminAgent'], true),
  {
    name: 'somebody of another partner',
    as: () => ({ tenant: greatLakes, roles: all, id: 'other' }),
    verdict: (route) => {
      if (route.form === 'partners') return '404 RelationshipNotFound';
      // To them the customer is one whom they have never asked.
      const own = verdictOnPartner(route, all, false);
      if (own !== 'let in' || route.form === 'partner-wide' || startsRelationship(route)) return own;
      return '404 RelationshipNotFound';
    },
  },
  {
    name: 'somebody of a tenant that is no partner',
    as: () => ({ tenant: randomUUID(), roles: all, id: 'nobody' }),
    verdict: () => '403 PartnerUnknown',
  },
  {
    name: 'the Global admin of the customer',
    as: (_, customer) => globalAdminOf(customer),
    verdict: ({ name, form }) => {
      if (form !== 'partners') return '400 PartnerNotNamed';
      return table[name]![2] === 'customer' ? 'let in' : '403 ActorNotAllowed';
    },
  },
  {
    name: 'the Global admin of another customer',
    as: () => globalAdminOf(randomUUID()),
    verdict: ({ form }) => (form === 'partners' ? '404 RelationshipNotFound' : '400 PartnerNotNamed'),
  },
  {
    name: 'an app of the customer that holds its Global admin’s role',
    as: (_, customer) => ({ ...globalAdminOf(customer), app: true }),
    verdict: () => '403 UserContextRequired',
  },
  ...Object.entries({
    nothing: {},
    'an empty scp': { scp: '' },
    'a list of scp': { scp: ['Ledger.Access'] },
    'both scp and idtyp: app': { scp: 'Ledger.Access', idtyp: 'app' },
  }).map(([name, sign]): Kind => ({
    name: `a token that shows a person by ${name}`,
    as: async (server) => claims(sign).sign(await signingKeyOf(server)),
    verdict: (route) => verdictOnPartner(route, ['GlobalAdmin', 'AdminAgent'], true),
  })),
  {
    name: 'a token that shows a person by scp alone',
    as: async (server) => claims({ scp: 'Ledger.Access' }).sign(await signingKeyOf(server)),
    verdict: (route) => verdictOnPartner(route, ['GlobalAdmin', 'AdminAgent'], false),
  },
  {
    name: 'a user of the customer without a role',
    as: (_, customer) => ({ tenant: customer, roles: [], id: 'employee' }),
    verdict: () => '403 PartnerUnknown',
  },
];

async function signingKeyOf(server: RunningServer): Promise<CryptoKey> {
  return (await embeddedKey(join(server.store.keysDirectory, 'token-key.json'))).signing;
}

const claims = (person: object = { idtyp: 'user' }): SignJWT =>
  new SignJWT({ tid: northwind, oid: 'user', roles: ['GlobalAdmin', 'AdminAgent'], ...person })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(embeddedIssuer)
    .setAudience(embeddedAudience)
    .setExpirationTime('5m');
/** Tokens that say everything that is wanted, but for one thing. */
const badTokens: Readonly<Record<string, (signing: CryptoKey) => string | null | Promise<string>>> = {
  none: () => null,
  'no token at all': () => 'letmein',
  'another audience': (signing) => claims().setAudience('somebody-else').sign(signing),
  'another issuer': (signing) => claims().setIssuer('https://elsewhere.example').sign(signing),
  'another key': async () => claims().sign((await generateKeyPair('Ed25519')).privateKey),
  'an hour ago': (signing) => claims().setExpirationTime('-1h').sign(signing),
  'an hour ahead': (signing) => claims().setNotBefore('1h').sign(signing),
  'no end': (signing) =>
    new SignJWT({ tid: northwind, oid: 'user', roles: ['GlobalAdmin'], idtyp: 'user' })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(embeddedIssuer)
      .setAudience(embeddedAudience)
      .sign(signing),
  'no signature': () =>
    new UnsecuredJWT({ tid: northwind, oid: 'user', roles: ['GlobalAdmin', 'AdminAgent'], idtyp: 'user' })
      .setIssuer(embeddedIssuer)
      .setAudience(embeddedAudience)
      .setExpirationTime('5m')
      .encode(),
};

describe('every route', () => {
  let server: RunningServer;
  let customer: string;
  beforeAll(async () => {
    server = await runServer();
    customer = newCustomer();
    await establish(server, customer);
  });
  afterAll(() => server.end());

  const ids: Readonly<Record<string, string>> = {
    partnerId: northwind,
    operationId: randomUUID(),
    item: 'subscription',
    name: 'removal-blocked',
    eventType: 'SubscriptionSuspended',
    schemaNumber: '1',
    commandName: 'SuspendSubscription',
  };
  const address = (path: string) =>
    path.replace(/\{(\w+)\}/g, (_, name: string) => (name === 'customerId' ? customer : (ids[name] ?? 'none-0001')));

  /** The request that is whole but for who sends it; a command is only tried. */
  function send({ method, path, name, example }: Route, as: Sent['as'] = {}): Promise<Answered> {
    const body = table[name] === customersDecision ? relayed(name) : example;
    const isCommand = method === 'POST' && !ofManyParties.includes(name);
    return server.send(`${address(path)}${isCommand ? '?dryRun=true' : ''}`, {
      method,
      as,
      key: null,
      ...(method === 'POST' ? { body: body ?? {} } : {}),
    });
  }

  const relayed = (name: string) => ({
    [{ AcceptResellerRelationship: 'acceptedBy', DeclineResellerRelationship: 'declinedBy' }[name] ?? 'approvedBy']: {
      userId: 'their-admin',
      globalAdmin: true,
    },
  });

  function met({ status, code }: Answered): Verdict {
    if (status < 300 || [409, 422].includes(status) || (status === 404 && code !== 'RelationshipNotFound'))
      return 'let in';
    return `${status as 401} ${code}`;
  }

  /** Several at once, and then compared as a whole: every line that is not as it should be. */
  async function wrong(asked: readonly Route[], as: Sent['as'], expected: (route: Route) => string): Promise<string[]> {
    const faults: string[] = [];
    const lanes = asked.map((route) => [route]);
    for await (const [route, answer] of throughLanes(
      lanes,
      16,
      async (route) => [route, await send(route, as)] as const,
    ))
      if (met(answer) !== expected(route))
        faults.push(`${route.method} ${route.path}: ${met(answer)}, expected ${expected(route)}`);
    return faults;
  }

  it('has a row, and every row a route', () => {
    const named = new Set(ofParties.map(({ name }) => name));
    const without = ofParties.filter(({ name }) => !(name in table));
    expect(without.map(({ name, rowsIn }) => `${name} needs a row in ${rowsIn}`)).toEqual([]);
    expect([...named].sort()).toEqual(Object.keys(table).sort());
    const outside = routes.filter(({ path }) => !path.startsWith('/v1/')).map(({ path }) => path);
    expect(outside.filter((path) => !open.some((prefix) => path.startsWith(prefix)))).toEqual([]);
    expect(ofParties.length).toBeGreaterThan(130);
  });

  it.each(kinds.map((kind) => [kind.name, kind] as const))('as %s', async (_, { as, verdict }) => {
    expect(await wrong(ofParties, await as(server, customer), verdict)).toEqual([]);
  });

  it.each(Object.keys(badTokens))('with a token of %s is not answered', async (name) => {
    const token = await badTokens[name]!(await signingKeyOf(server));
    const code = token === null ? 'Unauthenticated' : 'InvalidToken';
    const withToken = routes.filter(({ path }) => path.startsWith('/v1/'));
    expect(await wrong(withToken, token, () => `401 ${code}`)).toEqual([]);
  });

  it('that shows nothing of anybody needs no token', async () => {
    const outside = routes.filter(({ path }) => !path.startsWith('/v1/'));
    expect(await wrong(outside, null, () => 'let in')).toEqual([]);
    expect(outside.length).toBeGreaterThan(4);
  });

  it('of many parties leaves it to its items', async () => {
    const bulk = routes.filter(({ name }) => ofManyParties.includes(name));
    const item = { items: [{ command: 'ConfirmCustomerAgreement', customerId: customer }] };
    for (const kind of kinds) {
      const answered = await server.post('/v1/commands?dryRun=true', item, {
        as: await kind.as(server, customer),
        key: null,
      });
      const [confirm] = ofParties.filter(
        ({ name, form }) => name === 'ConfirmCustomerAgreement' && form === 'customers',
      );
      const [{ status, body }] = answered.body.items;
      expect([kind.name, met({ ...answered, status, code: body.code })]).toEqual([kind.name, kind.verdict(confirm!)]);
    }
    expect(bulk).toHaveLength(1);
  });

  it('has changed nothing', async () => {
    expect((await server.get(`/v1/customers/${customer}/reseller-relationship`)).body.revision).toBe(2);
  });
});
