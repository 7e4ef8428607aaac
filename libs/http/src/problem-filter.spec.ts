import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rejections } from '#customer-relationship';
import {
  EventOfNewerRelease,
  LogDamaged,
  OutcomeUnknown,
  Rejection,
  StoreUnavailable,
  UnreadableEvent,
  type EventMetadata,
} from '#event-sourcing';
import { NotFoundException } from '@nestjs/common';
import { fastify, type FastifyInstance } from 'fastify';
import { ProblemFilter, Refusal, type RefusedRequest } from './problem-filter.js';
import { problemTexts } from './problem-texts.js';
import { Problem, problemType } from './problem.js';

const unknownEvent = {
  stream: 'relationship-of-somebody',
  revision: 3,
  position: 9,
  type: 'RelationshipPaused',
  metadata: { schema: 1 } as EventMetadata,
};

describe('what is thrown', () => {
  let server: FastifyInstance;
  let thrown: unknown;
  let unexpected: unknown[];
  let damaged: unknown[];
  let unavailable: unknown[];
  let denied: [string, RefusedRequest][];

  beforeEach(() => {
    denied = [];
    unexpected = [];
    damaged = [];
    unavailable = [];
    const filter = new ProblemFilter({
      methodsAt: (url) => (url.startsWith('/known') ? ['GET', 'HEAD'] : []),
      onUnexpected: (error, correlationId) => unexpected.push(error, correlationId),
      onDamaged: (error, correlationId) => damaged.push(error, correlationId),
      onUnavailable: (error) => unavailable.push(error),
      onDenied: (code, asked) => denied.push([code, asked]),
    });
    server = fastify();
    server.decorateRequest('call', null as never);
    server.setErrorHandler((error, request, reply) => filter.answer(error, request, reply));
    server.get('/*', () => {
      throw thrown;
    });
  });
  afterEach(() => server.close());

  async function answerTo(error: unknown, url = '/v1/customers?name=secret') {
    thrown = error;
    const { statusCode, headers, body } = await server.inject({ url, headers: { 'x-correlation-id': 'c-1' } });
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    return { status: statusCode, headers, body: JSON.parse(body) as Record<string, unknown> };
  }

  it('is answered in one form, with the path and without the query', async () => {
    const { status, body } = await answerTo(new Rejection('RoleNotAllowed', { anyOf: ['GlobalAdmin'] }));
    expect(status).toBe(403);
    expect(body).toEqual({
      type: '/problems/role-not-allowed',
      title: 'The sender does not hold the role',
      status: 403,
      detail: 'The command requires one of these roles: GlobalAdmin. The sender may not send it: use a sender who may.',
      instance: '/v1/customers',
      code: 'RoleNotAllowed',
      correlationId: 'c-1',
      retryable: false,
      details: { anyOf: ['GlobalAdmin'] },
    });
  });

  it('says in its detail what is wrong first, and how many more faults errors has', async () => {
    const problem = new Problem('InvalidBody', {
      errors: [
        { pointer: '/lineItems/0', detail: 'must be an object' },
        { pointer: '/name', detail: 'is required' },
      ],
    });
    expect((await answerTo(problem)).body['detail']).toBe('lineItems/0 must be an object; 1 more fault is in errors.');
    const faults = [
      { code: 'NameTooLong', maxLength: 50 },
      { code: 'RolesMissing' },
      { code: 'InvalidItem', field: 'grantId', rule: 'reservedForLaterTerm' },
    ];
    const meaning = new Rejection('NameTooLong', { maxLength: 50, faults });
    expect((await answerTo(meaning)).body['detail']).toBe(
      'A name has at most 50 characters. Send a shorter one. 2 more faults are in errors.',
    );
  });

  it('has its status by what the refusal is about', async () => {
    const statuses = { who: 403, unknown: 404, state: 409, meaning: 422 };
    for (const [code, kind] of Object.entries(rejections)) {
      const { status, body } = await answerTo(new Rejection(code));
      expect([code, status, body['code'], body['type']]).toEqual([code, statuses[kind], code, problemType(code)]);
    }
  });

  it('is reported as a denial where it may be one, with the pattern of the route', async () => {
    for (const error of [
      new Problem('Unauthenticated'),
      new Problem('InvalidToken'),
      new Problem('PartnerUnknown'),
      new Rejection('RoleNotAllowed'),
      new Refusal(new Rejection('UserContextRequired'), {}),
      new Rejection('RelationshipNotFound'),
      // None of these.
      new Problem('RouteNotFound'),
      new Rejection('ItemNotFound'),
      new Rejection('NothingToChange'),
      new Problem('TooManyRequests'),
      new StoreUnavailable('away'),
      new TypeError('a bug'),
    ])
      await answerTo(error);
    expect(denied.map(([code]) => code)).toEqual([
      'Unauthenticated',
      'InvalidToken',
      'PartnerUnknown',
      'RoleNotAllowed',
      'UserContextRequired',
      'RelationshipNotFound',
    ]);
    for (const [, { method, route, instance }] of denied)
      expect([method, route, instance]).toEqual(['GET', '/*', '/v1/customers']);
  });

  it('shows blockers at the top, and details under a name of their own', async () => {
    const { body } = await answerTo(
      new Refusal(new Rejection('RemovalBlocked', { blockers: [{ itemId: 'a' }], status: 'x' }), {
        'Ledger-Position': '7',
      }),
    );
    expect(body).toMatchObject({ status: 409, blockers: [{ itemId: 'a' }], details: { status: 'x' } });
  });

  it.each<[unknown, string, string]>([
    [new StoreUnavailable('disk full'), 'StoreUnavailable', 'none'],
    [new OutcomeUnknown('connection lost'), 'OutcomeUnknown', 'unknown'],
  ])('%s says whether anything was done, and to come again', async (error, code, outcome) => {
    const { status, headers, body } = await answerTo(error);
    expect([status, headers['retry-after'], body['code'], body['outcome'], body['retryable']]).toEqual([
      503,
      '1',
      code,
      outcome,
      true,
    ]);
    expect(unexpected).toEqual([]);
    // Why, is for the log alone.
    expect(unavailable).toEqual([error]);
    expect(JSON.stringify(body)).not.toContain((error as Error).message);
  });

  it('asks the caller to retry at another server where a newer release has written, without naming the stream', async () => {
    const { status, headers, body } = await answerTo(new EventOfNewerRelease(unknownEvent, 'this release is older'));
    expect([status, headers['retry-after'], body['code'], body['outcome'], body['retryable']]).toEqual([
      503,
      '5',
      'ServerOutdated',
      'none',
      true,
    ]);
    expect(body['detail']).toMatch(/^A newer release has recorded/);
    expect(JSON.stringify(body)).not.toContain('of-somebody');
    expect(unexpected).toEqual([]);
  });

  it.each(['none', 'unknown'] as const)('says of damage that the outcome is %s, and no more', async (outcome) => {
    const { body } = await answerTo(new LogDamaged('a stream is gone', {}, outcome));
    expect([body['outcome'], body['detail']]).toEqual([
      outcome,
      'Wait until the operator has restored it; retrying earlier does not help.',
    ]);
  });

  it('is not retryable where the log is damaged, which is reported to the operator', async () => {
    const damage = new LogDamaged('stream relationship-of-somebody was truncated');
    const { status, headers, body } = await answerTo(damage);
    expect([status, headers['retry-after'], body['code'], body['outcome'], body['retryable']]).toEqual([
      503,
      '3600',
      'LogDamaged',
      'none',
      false,
    ]);
    expect(JSON.stringify(body)).not.toContain('of-somebody');
    expect(damaged).toEqual([damage, 'c-1']);
    expect(unexpected).toEqual([]);
  });

  it('is retryable where a retry can help', async () => {
    expect((await answerTo(new Rejection('ConcurrencyConflict'))).body['retryable']).toBe(true);
    expect((await answerTo(new Problem('CommandInProgress'))).body['retryable']).toBe(true);
    expect((await answerTo(new Rejection('RemovalBlocked'))).body['retryable']).toBe(false);
  });

  it.each([
    ['a bug', new TypeError('secret of the house')],
    ['an event that no release can read', new UnreadableEvent(unknownEvent, 'schema numbers start at 1')],
    ['a refusal without a text', new Rejection('Unheard')],
    ['no error at all', Object.create(null)],
  ])('is 500 for %s: reported to the operator, not to the caller', async (_, error) => {
    const { status, body } = await answerTo(error);
    expect([status, body['code'], body['correlationId']]).toEqual([500, 'InternalError', 'c-1']);
    expect(JSON.stringify(body)).not.toMatch(/secret of the house|Unheard|at /);
    expect(unexpected).toEqual([error, 'c-1']);
  });

  it('is 404 or 405 where there is no route', async () => {
    expect((await answerTo(new NotFoundException(), '/nowhere')).body['code']).toBe('RouteNotFound');
    const known = await answerTo(new NotFoundException(), '/known/x');
    expect([known.status, known.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  it('is explained under the address of its type, one for each', () => {
    const types = Object.keys(problemTexts).map(problemType);
    expect(new Set(types).size).toBe(types.length);
    expect(types).toContain('/problems/removal-blocked');
    for (const { title, detail, status } of Object.values(problemTexts)) {
      expect([title.length > 5, detail.length > 5, status >= 400]).toEqual([true, true, true]);
    }
  });
});
