import { limitsOf, webOf } from '#configuration';
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { admin } from '../../../bench/histories.js';
import { ServerHealth } from './health/server-health.js';
import { httpServer } from './http-server.js';
import type { ServedLedger } from './served-ledger.js';
import { ServerModule } from './server.module.js';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

/** The routes over a ledger, in this process, asked by a Global admin of the partner unless a customer is named. */
export async function routesOver(ledger: ServedLedger) {
  const health = new ServerHealth();
  health.waitingFor = undefined;
  const logger = pino({ level: 'silent' });
  const app = await httpServer({
    module: ServerModule.serving(ledger, health, { viewLagSeconds: 60 }),
    verifier: {
      verify: (customer) =>
        customer === undefined
          ? { ...admin, app: false, expiresAt: Infinity }
          : { id: 'lead', tenant: customer, roles: ['CustomerGlobalAdmin'], app: false, expiresAt: Infinity },
      cached: () => 0,
    },
    limits: limitsOf({ RATE_LIMIT: 0, FAILED_TOKEN_LIMIT: 0 }),
    web: webOf({}),
    logger,
    health,
    onAnswered: () => undefined,
    onDenied: () => undefined,
  });
  await app.listen(0, '127.0.0.1');
  const address = await app.getUrl();

  async function send(url: string, init: RequestInit): Promise<Answered> {
    const answer = await fetch(`${address}${url}`, init);
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  }
  return {
    get: (url: string, headers: Readonly<Record<string, string>> = {}) => send(url, { headers }),
    /** With the customer as `authorization`, that customer's Global admin sends it. */
    post: (url: string, body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
      send(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), ...headers },
        body: JSON.stringify(body),
      }),
    close: () => app.close(),
  };
}
