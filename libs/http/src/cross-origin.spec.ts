import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { answerOptions, sharedWith } from './cross-origin.js';
import { Problem } from './problem.js';
import { rateLimit } from './rate-limit.js';
import { receive } from './reception.js';
import { fieldChecks } from './request-fields.js';

const page = 'https://app.example';
let server: FastifyInstance;
let verified: number;

beforeEach(() => {
  verified = 0;
  server = fastify();
  const checkFields = fieldChecks();
  const methodsAt = (path: string) => (path === '/v1/items' || path === '*' ? ['GET', 'HEAD', 'OPTIONS'] : []);
  answerOptions(server, { methodsAt, checkFields, sharing: sharedWith([page]) });
  receive(server, {
    checkFields,
    verifier: {
      verify() {
        verified++;
        throw new Problem('InvalidToken', { reason: 'malformed' });
      },
      cached: () => 0,
    },
    callers: undefined,
    strangers: rateLimit({ counts: 'failedTokens', quota: 3, windowSeconds: 60 }),
    addresses: rateLimit({ counts: 'address', quota: 3, windowSeconds: 60 }),
    inHand: { requestsOfAddress: Infinity, bytes: Infinity },
    onAnswered: () => undefined,
  });
  server.setErrorHandler((error, _, reply) => {
    if (!(error instanceof Problem)) throw error;
    return reply.code(error.status).headers(error.headers).send({ code: error.code });
  });
  server.get('/v1/items', () => ({}));
});
afterEach(() => server.close());

const preflight = { origin: page, 'access-control-request-method': 'GET' };
const options = (headers: Record<string, string> = preflight, url = '/v1/items') =>
  server.inject({ method: 'OPTIONS', url, headers });

describe('a preflight', () => {
  it('costs no failed token, and is counted for its address', async () => {
    for (let count = 0; count < 3; count++) expect((await options()).statusCode).toBe(204);
    const refused = await options();
    expect([refused.statusCode, refused.json()]).toEqual([429, { code: 'TooManyRequests' }]);
    // The page can read why.
    expect(refused.headers['access-control-allow-origin']).toBe(page);
    expect(refused.headers['ratelimit-policy']).toContain('address');
    expect(verified).toBe(0);
    const asked = await server.inject({ url: '/v1/items', headers: { origin: page } });
    expect([asked.statusCode, asked.headers['access-control-allow-origin'], verified]).toEqual([401, page, 1]);
  });

  it('from elsewhere is told what the address takes, and nothing for its page', async () => {
    const other = await options({ ...preflight, origin: 'https://evil.example' });
    expect([other.statusCode, other.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
    expect(other.headers.vary).toContain('Origin');
    expect(Object.keys(other.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await options({}, '/v1/nothing')).statusCode).toBe(404);
    expect((await options(preflight, '/v1/nothing')).statusCode).toBe(204);
  });
});
