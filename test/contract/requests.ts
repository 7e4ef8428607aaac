import fc from 'fast-check';
import type { Role } from '#customer-relationship';
import { resolvedIn, type Operation, type Parameter } from './document.js';
import { meaningsFor, purchaseBody, type KnownPartner } from './meanings.js';
import type { Json, Schema } from './schema-changes.js';
import { mutated, oneIn, pick, validValue, type Draw } from './values.js';
import type { Customer, Ids, World } from './world.js';

// One request: of an operation, about one requester, by another; as the document has it, or with something that is not.

export interface Sender {
  /** Of the partner or the customer; null for no token, and words for a token that is none. */
  readonly token: { readonly tenant: string; readonly roles: readonly Role[]; readonly app: boolean } | string | null;
}

export interface Request {
  readonly operation: Operation;
  readonly method: string;
  readonly url: string;
  readonly sender: Sender;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly customer: Customer;
  readonly ids: Ids;
  /** In words, what has been changed about it. */
  readonly twists: readonly string[];
}

export interface Making {
  readonly draw: Draw;
  readonly world: World;
  readonly partners: readonly KnownPartner[];
  readonly now: number;
}

const allRoles: readonly Role[] = [
  'GlobalAdmin',
  'AdminAgent',
  'SalesAgent',
  'HelpdeskAgent',
  'BillingAdmin',
  'Auditor',
];
const wantedStatus: Readonly<Record<string, Customer['status']>> = {
  requestResellerRelationship: 'unknown',
  acceptResellerRelationship: 'requested',
  declineResellerRelationship: 'requested',
  withdrawRelationshipRequest: 'requested',
  expireRelationshipRequest: 'requested',
};
const customersDecide = new Set(['acceptResellerRelationship', 'declineResellerRelationship', 'approveDelegatedAdmin']);

export function requestOf(operation: Operation, making: Making): Request {
  const { draw, world } = making;
  const name = operation.id.replace(/OfPartner$/, '');
  const pathNames = operation.parameters
    .filter((parameter) => parameter.in === 'path')
    .map((parameter) => parameter.name);
  const itemNames = pathNames.filter((each) => each !== 'partnerId' && each !== 'customerId');
  const customer = world.customer(draw, wantedStatus[name] ?? (operation.isCommand ? 'active' : undefined), itemNames);
  const partner = making.partners.find(({ tenantId }) => tenantId === customer.partner)!;
  const viaPartner = operation.path.includes('{partnerId}');
  const twists: string[] = [];
  const twist = (what: string, times: number): boolean => {
    const happens = oneIn(draw, times);
    if (happens) twists.push(what);
    return happens;
  };

  const sender = senderOf(draw, name, customer, viaPartner, twist);
  const ids = operation.needsToken ? world.ids(draw, customer, itemNames) : openIds(draw, itemNames);
  const values: Ids = { ...ids, partnerId: customer.partner, customerId: customer.id };
  const oddPart = pathNames.length > 0 && twist('another path', 50) ? pick(draw, pathNames) : undefined;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, part: string) => {
    const value = part === oddPart ? pick(draw, oddIds) : values[part]!;
    return encodeURIComponent(oneIn(draw, 20) ? value.toUpperCase() : value);
  });

  const dryRun = operation.isCommand && oneIn(draw, 12);
  const query = queryOf(operation, making, customer, dryRun, twist);
  const headers = headersOf(operation, making, customer, dryRun, twist);
  const body = bodyOf(operation, name, making, customer, partner, headers, twist);
  const method = twist('another method', 120)
    ? pick(draw, ['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'POST', 'GET'])
    : operation.method;
  const pages = world.nextPages.get(operation);
  const url = pages && oneIn(draw, 10) ? pick(draw, pages.slice(-10)) : `${path}${query}`;
  return { operation, method, url, sender, headers, body, customer, ids, twists };
}

const oddIds = [
  'not-a-guid',
  '-',
  '%',
  'a b',
  '..',
  'ü',
  'x'.repeat(65),
  'x'.repeat(200),
  '\u0000',
  'constructor',
  '{id}',
];

function openIds(draw: Draw, names: readonly string[]): Ids {
  const known: Readonly<Record<string, readonly string[]>> = {
    name: ['removal-blocked', 'invalid-body', 'nothing'],
    eventType: ['SubscriptionSuspended', 'GrantNameClaimed', 'Nothing'],
    schemaNumber: ['1', '2', '7'],
    commandName: ['SuspendSubscription', 'RemoveResellerRelationship', 'Nothing'],
  };
  return Object.fromEntries(names.map((name) => [name, pick(draw, known[name] ?? ['anything'])]));
}

type Twist = (what: string, times: number) => boolean;

function senderOf(draw: Draw, name: string, customer: Customer, viaPartner: boolean, twist: Twist): Sender {
  const partner = (roles: readonly Role[], app = false): Sender => ({
    token: { tenant: customer.partner, roles, app },
  });
  if (twist('no token', 150)) return { token: null };
  if (twist('no good token', 150)) return { token: pick(draw, ['nonsense', 'a.b.c', 'e30.e30.', '"']) };
  if (twist('a token of another tenant', 80))
    return { token: { tenant: draw(fc.uuid({ version: 4 })), roles: ['GlobalAdmin', 'AdminAgent'], app: false } };
  if (twist('one role', 30)) return partner([pick(draw, allRoles)]);
  if (viaPartner && oneIn(draw, customersDecide.has(name) ? 1 : 4))
    return { token: { tenant: customer.id, roles: ['CustomerGlobalAdmin'], app: false } };
  if (customersDecide.has(name)) return partner(['GlobalAdmin', 'AdminAgent'], true);
  return partner(['GlobalAdmin', 'AdminAgent'], twist('an app', 60));
}

function queryOf(operation: Operation, making: Making, customer: Customer, dryRun: boolean, twist: Twist): string {
  const { draw } = making;
  const parts: string[] = dryRun ? ['dryRun=true'] : [];
  const given = operation.parameters.filter((parameter) => parameter.in === 'query' && parameter.name !== 'dryRun');
  let asOf = false;
  for (const parameter of given) {
    const isAsOf = parameter.name.startsWith('asOf');
    if ((!parameter.required && !oneIn(draw, isAsOf ? 15 : 6)) || (isAsOf && asOf && !oneIn(draw, 10))) continue;
    asOf ||= isAsOf;
    const value = meaningOfParameter(parameter, making, customer) ?? validValue(draw, parameter.schema);
    parts.push(`${parameter.name}=${encodeURIComponent(textOf(value))}`);
  }
  if (given.length > 0 && twist('an odd parameter', 25))
    parts.push(
      `${pick(draw, given).name}=${encodeURIComponent(pick(draw, ['', '-1', 'x', '1e3', '\u0000', 'é', '0x10', ' ', '9'.repeat(30)]))}`,
    );
  if (twist('an unknown parameter', 60))
    parts.push(pick(draw, ['unknown=1', '__proto__=1', 'dryrun=true', 'limit', 'x[]=1', '%ff=%fe', '=']));
  if (parts.length > 0 && twist('a parameter twice', 80)) parts.push(parts[0]!);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function meaningOfParameter({ name }: Parameter, { draw, world, now }: Making, customer: Customer): Json | undefined {
  if (oneIn(draw, 8)) return undefined;
  switch (name) {
    case 'customerId':
      return customer.id;
    case 'atLeast':
    case 'asOfPosition':
      return world.positions.length === 0 ? '0' : pick(draw, world.positions.slice(-50)).split(';', 1)[0]!;
    case 'asOfRevision':
      return draw(fc.nat(Math.max(0, customer.revision)));
    case 'asOf':
      return new Date(now - draw(fc.nat(60_000))).toISOString().slice(0, oneIn(draw, 4) ? 10 : undefined);
    case 'after':
      return 0;
    case 'nameStartsWith':
      return 'Name';
    case 'cursor':
      return undefined;
    default:
      return undefined;
  }
}

function headersOf(
  operation: Operation,
  making: Making,
  customer: Customer,
  dryRun: boolean,
  twist: Twist,
): Record<string, string> {
  const { draw, world } = making;
  const headers: Record<string, string> = {};
  for (const { name } of operation.parameters.filter((parameter) => parameter.in === 'header'))
    switch (name) {
      case 'Idempotency-Key': {
        if (dryRun && !oneIn(draw, 10)) break;
        if (twist('no key', 80)) break;
        const key = world.newKey();
        headers[name] = twist('an odd key', 80)
          ? pick(draw, ['', ' ', '"', '"a', 'a b', 'x'.repeat(256), '"\\x"', 'é', `"${key}" ;a=1`])
          : oneIn(draw, 6)
            ? `"${key}"`
            : key;
        break;
      }
      case 'If-Match': {
        const last = customer.tags.at(-1);
        if (operation.id.startsWith('remove') ? twist('no If-Match', 10) : !oneIn(draw, 8)) break;
        const old = customer.tags.length > 1 ? pick(draw, customer.tags) : undefined;
        headers[name] = twist('an odd If-Match', 20)
          ? pick(draw, ['W/"1.1"', '1', '"', '"a', '', ', ,', '"x"', '"1.1", W/"2.1"', '*, "1.1"'])
          : pick(
              draw,
              [last, last, '*', '*', old, `"0.1", ${last ?? '"9.9"'}`].map((tag) => tag ?? '*'),
            );
        break;
      }
      case 'If-None-Match':
        // A command that is refused for it gets nowhere.
        if (!oneIn(draw, operation.method === 'POST' ? 40 : 6)) break;
        headers[name] = pick(draw, [
          customer.tags.at(-1) ?? '*',
          '*',
          world.listTags.at(-1) ?? '"x"',
          'W/"1.1", "x"',
          'odd',
        ]);
        break;
      case 'Ledger-Position': {
        if (!oneIn(draw, 8)) break;
        const position = world.positions.at(-1);
        headers[name] = twist('an odd Ledger-Position', 12)
          ? pick(draw, [
              '1',
              'x',
              `99999999999;ledger="${/"([^"]*)"/.exec(position ?? '')?.[1] ?? ''}"`,
              '1;ledger="00000000-0000-4000-8000-000000000000"',
              `1;ledger="${/"([^"]*)"/.exec(position ?? '')?.[1] ?? ''}";event="00000000-0000"`,
            ])
          : (position ?? '');
        break;
      }
      case 'Prefer':
        if (oneIn(draw, 8))
          headers[name] = pick(draw, ['wait=10', 'wait=5', 'return=minimal', 'wait=999', 'wait=x', 'wait="5"', '']);
        break;
      case 'X-Correlation-Id':
        if (oneIn(draw, 8)) headers[name] = pick(draw, ['caller-1', 'a.b_c-D', 'with space', 'x'.repeat(65), 'ü']);
        break;
      case 'traceparent':
        if (oneIn(draw, 20))
          headers[name] = pick(draw, ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-0-0-0', 'x']);
        break;
      default:
        break;
    }
  if (operation.method === 'GET' && operation.forms.length > 0 && oneIn(draw, 8)) {
    // A live stream never ends: it has tests of its own.
    const forms = operation.forms.filter((form) => form !== 'text/event-stream');
    headers['Accept'] = twist('another form', 4)
      ? pick(draw, ['text/html', 'image/*', 'application/xml;q=1'])
      : pick(draw, [...forms, '*/*', 'application/*']);
  }
  return headers;
}

function bodyOf(
  operation: Operation,
  name: string,
  making: Making,
  customer: Customer,
  partner: KnownPartner,
  headers: Record<string, string>,
  twist: Twist,
): string | undefined {
  const { draw, world, now } = making;
  const schema = operation.body?.['application/json'];
  if (!schema) return undefined;
  headers['Content-Type'] = twist('another media type', 80)
    ? pick(draw, [
        'text/plain',
        'application/xml',
        'application/json; charset=utf-16',
        'application/merge-patch+json',
        'x',
      ])
    : 'application/json';
  const whole = resolvedIn(schema as Schema | { $ref: string }) as Schema;
  const value =
    (oneIn(draw, 4) ? undefined : purchaseBody(draw, name, world, now)) ??
    validValue(draw, whole, meaningsFor(draw, name, world, customer, partner, now));
  if (twist('an odd body', 10)) return JSON.stringify(mutated(draw, value, whole));
  if (twist('text that is no JSON object', 80))
    return pick(draw, [
      '',
      '{',
      '[]',
      'null',
      '"x"',
      '{"comment":"a","comment":"b"}',
      '{"a":1e999}',
      '\ufeff\ufeff{}',
      '{"comment":"\\ud800"}',
      '[[[[[[[[[[[[]]]]]]]]]]]]',
      `{"comment":"${'x'.repeat(70_000)}"}`,
    ]);
  return JSON.stringify(value);
}

function textOf(value: Json): string {
  return Array.isArray(value)
    ? (value as Json[]).map(textOf).join(',')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}
