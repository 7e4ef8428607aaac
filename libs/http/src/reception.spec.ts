import { once } from 'node:events';
import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { ownKey } from './key-set.js';
import { Problem } from './problem.js';
import { receive } from './reception.js';
import { fieldChecks } from './request-fields.js';
import { onlyWorkTakesTime } from '../../../test/working-time.js';
import { tokenVerifier } from './token-verifier.js';

const tenant = 'a1a1a1a1-0001-4000-8000-000000000001';
let keys: { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
let server: FastifyInstance;
/** What has been answered to whom, in order. */
let answered: string[];
/** How long an answer blocks the event loop, in ms. */
let costMs: number;
/** Large requests are answered after it. */
let gate: PromiseWithResolvers<void>;

beforeEach(async () => {
  onlyWorkTakesTime();
  keys = await generateKeyPair('Ed25519');
  answered = [];
  costMs = 10;
  gate = Promise.withResolvers();
  server = fastify();
  receive(server, {
    checkFields: fieldChecks(),
    verifier: tokenVerifier({
      issuers: [{ names: ['issuer'], keys: ownKey(keys.publicKey), audiences: ['ledger'], algorithms: ['EdDSA'] }],
      actorId: (id) => id,
    }),
    callers: undefined,
    strangers: undefined,
    addresses: undefined,
    inHand: { requestsOfAddress: Infinity, bytes: Infinity },
    onAnswered: () => undefined,
  });
  server.setErrorHandler((error, _, reply) =>
    error instanceof Problem
      ? reply.code(error.status).headers(error.headers).send({ code: error.code })
      : reply.code(500).send(String(error)),
  );
  for (const method of ['GET', 'POST'])
    server.route({
      method,
      url: '/v1/costly',
      handler({ call, url }) {
        answered.push(`${call.caller!.id} ${method} ${url}`);
        jest.advanceTimersByTime(costMs);
        return {};
      },
    });
  server.post('/v1/large', { config: { largestBody: 1_000 } }, async ({ call }) => {
    answered.push(call.caller!.id);
    await gate.promise;
    return {};
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  server.server.closeAllConnections();
  await server.close();
  jest.useRealTimers();
});

const tokenOf = (id: string) =>
  new SignJWT({ tid: tenant, oid: id, roles: ['GlobalAdmin'] })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer('issuer')
    .setAudience('ledger')
    .setExpirationTime('10 minutes')
    .sign(keys.privateKey);

interface Asked {
  readonly request: ClientRequest;
  readonly status: Promise<number | undefined>;
}

function ask(token: string, { method = 'GET', path = '/v1/costly', query = '' } = {}): Asked {
  const { port } = server.server.address() as AddressInfo;
  const request = get({
    port,
    host: '127.0.0.1',
    path: path + query,
    method,
    agent: false,
    headers: { authorization: `Bearer ${token}` },
  });
  const status = once(request, 'response').then(
    ([answer]) => {
      (answer as IncomingMessage).resume();
      return (answer as IncomingMessage).statusCode;
    },
    () => undefined,
  );
  return { request, status };
}

const times = (count: number, work: () => Asked) => Array.from({ length: count }, work);

describe('questions', () => {
  it.each([
    ['questions', {}],
    ['dry runs', { method: 'POST', query: '?dryRun=true' }],
  ])(
    'of one caller, such as %s, have their turns between those of others, and commands wait for none',
    async (_, how) => {
      const [many, few] = [await tokenOf('many'), await tokenOf('few')];
      // Tokens that are known keep no one.
      await Promise.all([ask(many).status, ask(few).status]);
      answered.length = 0;
      const all = times(40, () => ask(many, how));
      await Promise.race(all.map(({ status }) => status));
      const others = [ask(few), ask(few, { method: 'POST' }), ask(many, { method: 'POST' })];
      expect(await Promise.all([...all, ...others].map(({ status }) => status))).toEqual(
        Array.from({ length: 43 }, () => 200),
      );
      for (const other of ['few GET', 'few POST', 'many POST'])
        expect(answered.findIndex((each) => each === `${other} /v1/costly`)).toBeLessThan(30);
      expect(answered).toEqual(
        expect.arrayContaining(['few GET /v1/costly', 'few POST /v1/costly', 'many POST /v1/costly']),
      );
    },
  );

  it('of a caller that has disconnected are not answered', async () => {
    const [many, few] = [await tokenOf('many'), await tokenOf('few')];
    const all = times(40, () => ask(many));
    await Promise.race(all.map(({ status }) => status));
    for (const { request } of all) request.destroy();
    // The last in the same line.
    expect(await ask(many).status).toBe(200);
    expect(await ask(few).status).toBe(200);
    expect(answered.length).toBeLessThan(30);
  });

  it('of one caller may wait by the thousand, and no more', async () => {
    costMs = 0;
    const headers = { authorization: `Bearer ${await tokenOf('many')}` };
    const asks = () => server.inject({ url: '/v1/costly', headers });
    await asks();
    answered.length = 0;
    const answers = await Promise.all(Array.from({ length: 1_200 }, asks));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(refused.length).toBeGreaterThan(100);
    expect(answered.length).toBeGreaterThanOrEqual(1_000);
    expect(refused.length + answered.length).toBe(1_200);
    expect(refused[0]!.headers['retry-after']).toBe('1');
    // There is room again.
    expect((await asks()).statusCode).not.toBe(429);
  });
});

describe('requests that carry many commands', () => {
  it('are taken in a few at a time of one caller, whether their answers are taken or not', async () => {
    const [many, few] = [await tokenOf('many'), await tokenOf('few')];
    const send = (token: string) => ask(token, { method: 'POST', path: '/v1/large' });
    const until = async (what: () => boolean) => {
      while (!what()) await sleep(5);
    };
    const all = times(32, () => send(many));
    await until(() => answered.length === 32);

    expect(await send(many).status).toBe(429);
    const other = send(few);
    await until(() => answered.at(-1) === 'few');

    all[0]!.request.destroy();
    // The server learns a little later that it has gone.
    const before = answered.length;
    while (answered.length === before) await Promise.race([send(many).status, until(() => answered.length > before)]);

    gate.resolve();
    expect(await Promise.all([...all.slice(1), other].map(({ status }) => status))).toEqual(
      Array.from({ length: 32 }, () => 200),
    );
    expect(await send(many).status).toBe(200);
  });
});
