import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operations } from './document.js';
import type { Answered } from './exchange.js';
import { simpler, textOf } from './findings.js';
import type { Request } from './requests.js';
import { run, table, unreached } from './run.js';
import { newSubject, type Subject } from './subject.js';
import { faultsOf, judgementOf, remembered } from './verdicts.js';

describe('a server under requests of every kind', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await newSubject('sqlite');
  });
  afterAll(() => subject.end());

  it('answers as the document has it, whatever it is asked, and does all that it offers', async () => {
    const result = await run({ ...subject, requests: 1000, seed: 20, atOnce: 4 });
    expect(result.findings.map(textOf)).toEqual([]);
    expect({ unreached: unreached(result), table: table(result) }).toMatchObject({ unreached: [] });
    expect(result.replayed).toBeGreaterThan(10);
  });
});

describe('an answer is found out', () => {
  const suspend = operations.find(({ id }) => id === 'suspendSubscription')!;
  const list = operations.find(({ id }) => id === 'listCustomers')!;
  const request: Request = {
    operation: suspend,
    method: 'POST',
    url: '/v1/customers/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/subscriptions/sub-1/suspend',
    sender: { token: { tenant: 'a', roles: ['GlobalAdmin'], app: false } },
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'key-1' },
    body: '{"reason":"fraud"}',
    customer: { id: 'c', partner: 'p', status: 'active', items: [], tags: [], revision: 0 },
    ids: {},
    twists: [],
  };
  const asked: Request = {
    ...request,
    operation: list,
    method: 'GET',
    url: '/v1/customers',
    headers: {},
    body: undefined,
  };
  const answered = (status: number, body: object, headers: Record<string, string> = {}): Answered => {
    const text = JSON.stringify(body);
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    const all = new Headers({ 'Content-Type': type, 'X-Correlation-Id': 'c-1', ...headers });
    return { status, headers: all, body, text };
  };
  const accepted = {
    relationship: {
      partnerId: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
      customerId: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
      status: 'active',
      relationshipTerm: 1,
    },
    revision: 4,
    position: '9',
    events: ['SubscriptionSuspended'],
    correlationId: 'c-1',
  };
  const problem = (status: number, code: string) => ({
    type: '/problems/x',
    title: 'x',
    detail: 'x',
    status,
    code,
    correlationId: 'c-1',
    retryable: false,
  });
  const page = { items: [], position: '9', asOf: '2026-11-22T16:00:00.000Z' };
  const at9 = { 'Ledger-Position': '9;ledger="6f9619ff-8b86-4d01-b42d-00cf4fc964ff"' };
  const rulesBroken = (by: Request, answer: Answered) => faultsOf(by, answer).map(({ rule }) => rule);

  it('not when it is as documented', () => {
    expect(faultsOf(request, answered(200, accepted, at9))).toEqual([]);
    expect(faultsOf(request, answered(409, problem(409, 'InvalidTransition'), at9))).toEqual([]);
    expect(faultsOf(asked, answered(200, page, at9))).toEqual([]);
  });

  it.each<[string, Request, Answered]>([
    ['as documented', request, answered(200, { ...accepted, revision: '4' })],
    ['as documented', request, answered(200, { ...accepted, more: 1 })],
    ['as documented', request, answered(203, accepted)],
    ['as documented', request, answered(409, problem(409, 'NobodyKnows'))],
    ['as documented', request, answered(409, problem(409, 'InvalidBody'))],
    ['headers as documented', request, answered(200, accepted, { 'Ledger-Position': '9' })],
    ['headers announced', asked, answered(200, page, { Location: '/x' })],
    ['no 5xx', request, answered(500, problem(500, 'InternalError'))],
    ['no 5xx', asked, answered(503, problem(503, 'ViewBehind'), { 'Retry-After': '1' })],
    ['every refusal is a problem', request, answered(409, problem(400, 'InvalidTransition'))],
    ['one correlation id', request, answered(409, { ...problem(409, 'InvalidTransition'), correlationId: 'c-2' })],
    ['no answer without a good token', { ...request, sender: { token: null } }, answered(200, accepted)],
    ['304 only for If-None-Match', asked, { ...answered(304, {}), text: '' }],
    ['what is documented is taken', request, answered(400, problem(400, 'InvalidBody'))],
    ['what is not documented is refused', { ...request, body: '{"reason":"whim"}' }, answered(200, accepted)],
    ['what is not documented is refused', { ...request, body: '{}' }, answered(200, accepted)],
    ['what is not documented is refused', { ...asked, url: '/v1/customers?limit=201' }, answered(200, page)],
    ['what was written is read', { ...asked, url: '/v1/customers?atLeast=10' }, answered(200, page, at9)],
  ])('when it breaks the rule: %s', (rule, by, answer) => {
    expect(rulesBroken(by, answer)).toContain(rule);
  });

  it('as another when it differs in a byte from the first under its key', () => {
    const first = answered(200, accepted, { ...at9, ETag: '"4.1"' });
    expect(remembered(answered(200, accepted, { ...at9, ETag: '"4.1"' }))).toBe(remembered(first));
    for (const other of [
      answered(201, accepted, { ...at9, ETag: '"4.1"' }),
      answered(200, accepted, { ...at9, ETag: '"5.1"' }),
      answered(200, { ...accepted, correlationId: 'c-2' }, { ...at9, ETag: '"4.1"' }),
    ])
      expect(remembered(other)).not.toBe(remembered(first));
  });

  it('and shown with the simplest request that causes it', () => {
    const long = { ...request, url: `${request.url}?dryRun=true`, body: '{"reason":"fraud","comment":"x"}' };
    expect(simpler(long).map(({ url, body, headers }) => [url, body, Object.keys(headers).length])).toEqual([
      [long.url, long.body, 1],
      [request.url, long.body, 2],
      [long.url, '{"comment":"x"}', 2],
      [long.url, '{"reason":"fraud"}', 2],
    ]);
  });

  it('by the document alone, of which nothing is left to chance', () => {
    expect(judgementOf(request)).toBe('asDocumented');
    expect(judgementOf({ ...request, headers: { ...request.headers, 'Idempotency-Key': 'a b' } })).toBe(
      'notAsDocumented',
    );
    expect(judgementOf({ ...request, url: request.url.replace('sub-1', '-') })).toBe('notAsDocumented');
    expect(judgementOf({ ...request, body: '{"reason":"fraud","reason":"fraud"}' })).toBe('notAsDocumented');
    expect(judgementOf({ ...request, method: 'PUT' })).toBe('unclear');
  });
});
