import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { journeysOver } from './journey-store.js';
import {
  customerPath,
  establish,
  globalAdminOf,
  newCustomer,
  idNamed,
  northwind,
  pairPath,
  runServer,
  subscription,
  type RunningServer,
} from './running-server.js';

describe('the log', () => {
  it('has a line for every request, and holds no secret and nothing personal', async () => {
    const server = await runServer({ env: { LOG_LEVEL: 'debug' } });
    const customer = newCustomer();
    const path = customerPath(customer);
    const planted = {
      name: 'Planted Name GmbH',
      domain: 'planted-domain.example',
      comment: 'planted comment: call Jane',
      key: 'planted-key',
      offer: 'planted-offer',
      user: 'planted-signature',
      filter: 'planted-filter',
      item: 'planted-item',
      actor: 'Ada.Lovelace@planted.example',
    };
    await server.post(
      `${path}/reseller-relationship/request`,
      {
        customer: { name: planted.name, domain: planted.domain },
        market: 'US',
        comment: planted.comment,
      },
      { key: planted.key },
    );
    await server.post(
      `${path}/reseller-relationship/accept`,
      { acceptedBy: { userId: planted.user, globalAdmin: true } },
      { as: { app: true } },
    );
    await server.post(`${path}/agreement/confirm`);
    await server.post(
      `${path}/subscriptions`,
      subscription(planted.item, { offerId: planted.offer, name: planted.name }),
    );
    // Refusals, faults and what is no route are logged too.
    await server.post(`${path}/subscriptions`, subscription(planted.item, { name: planted.name }));
    await server.post(`${path}/subscriptions`, `{"name":"${planted.name}"`);
    await server.post(`${path}/subscriptions`, { [planted.name]: planted.comment });
    await server.get(`/v1/customers?nameContains=${planted.filter}&${encodeURIComponent(planted.comment)}=1`);
    await server.get(`/v1/${planted.filter}/${encodeURIComponent(planted.name)}`);
    await server.get('/v1/customers', { as: `${await server.tokenOf({})}x` });
    const asAda = { as: await server.tokenNaming(planted.actor) };
    await server.post(`${path}/subscriptions`, subscription('by-ada'), asAda);
    await server.post(`${path}/agreement/confirm`, {}, { as: await server.tokenNaming(planted.actor.toUpperCase()) });
    const events = JSON.stringify((await server.get(`${path}/events`)).body);
    expect(events).not.toMatch(new RegExp(`${planted.actor}|${planted.user}`, 'i'));
    await server.get(`${pairPath(northwind, customer)}/reseller-relationship`, {
      as: globalAdminOf(customer),
      headers: { 'x-correlation-id': 'follow-me' },
    });
    const tokens = await Promise.all([
      server.tokenOf({}),
      server.tokenOf({ app: true }),
      server.tokenOf(globalAdminOf(customer)),
    ]);
    await server.stop();

    const log = server.output();
    const secret = readFileSync(join(server.store.keysDirectory, 'ledger-secret'), 'utf8').trim();
    const { d } = JSON.parse(readFileSync(join(server.store.keysDirectory, 'token-key.json'), 'utf8')) as {
      d: string;
    };
    for (const [what, text] of [
      ...Object.entries(planted),
      ['secret', secret],
      ['key', d],
      ...tokens.map((token) => ['token', token]),
    ] as [string, string][])
      expect([what, log.includes(text), log.includes(encodeURIComponent(text))]).toEqual([what, false, false]);
    // A signature alone would be as bad as the token.
    for (const token of tokens) expect(log).not.toContain(token.split('.')[2]);

    const lines = log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const requests = lines.filter(({ msg }) => msg === 'request');
    expect(requests.length).toBeGreaterThanOrEqual(11);
    expect(requests).toContainEqual(
      expect.objectContaining({
        method: 'GET',
        route: '/v1/partners/:partnerId/customers/:customerId/reseller-relationship',
        status: 200,
        correlationId: 'follow-me',
        actor: idNamed('customer-admin'),
        partner: northwind,
      }),
    );
    expect(requests).toContainEqual(
      expect.objectContaining({ route: '/v1/customers/:customerId/subscriptions', status: 201, outcome: 'accepted' }),
    );
    expect(requests).toContainEqual(
      expect.objectContaining({ status: 409, problem: 'ItemAlreadyExists', outcome: 'refused' }),
    );
    expect(requests).toContainEqual(expect.objectContaining({ status: 401, problem: 'InvalidToken' }));
    await server.end();
  });
});

describe('a server that is watched', () => {
  let server: RunningServer;
  let metrics: string;
  beforeAll(async () => {
    server = await runServer({ env: { METRICS_PORT: '0' } });
    metrics = /Metrics +(\S+)/.exec(server.output())![1]!;
  });
  afterAll(() => server.end());

  it('says where it is, and how to begin', () => {
    expect(server.output()).toContain(`Reseller Ledger listens on ${server.url}`);
    expect(server.output()).toContain(`${server.url}/docs`);
    expect(server.output()).toContain('npm run token -- --role GlobalAdmin --role AdminAgent --partner <guid>');
    expect(server.output()).toContain(server.dataDirectory);
    expect(server.output()).toContain('partner-center-2026-11');
  });

  it('counts what it does, on a port of its own', async () => {
    const path = await establish(server);
    await server.post(`${path}/subscriptions`, subscription('counted'));
    await server.post(`${path}/subscriptions`, subscription('counted'));
    await server.get('/v1/items', {
      headers: {
        prefer: 'wait=20',
        'ledger-position': (await server.get(`${path}/reseller-relationship`)).headers.get('ledger-position')!,
      },
    });
    expect((await server.get('/v1/items?asOfPosition=1', { headers: { prefer: 'wait=30' } })).status).toBe(200);
    const text = await (await fetch(metrics)).text();
    const value = (line: RegExp) => Number(new RegExp(`^${line.source} (\\S+)$`, 'm').exec(text)?.[1]);
    const route = 'http_route="/v1/customers/:customerId/subscriptions"';
    const answered = (status: number, outcome: string) =>
      value(
        new RegExp(
          `http_server_request_duration_seconds_count\\{http_request_method="POST",http_response_status_code="${status}",outcome="${outcome}",${route}\\}`,
        ),
      );
    expect([answered(201, 'accepted'), answered(409, 'ItemAlreadyExists')]).toEqual([1, 1]);
    expect(value(/http_server_active_requests\{http_request_method="POST",url_scheme="http"\}/)).toBe(0);
    expect(text).toMatch(
      new RegExp(
        `^ledger_build_info\\{version="[\\d.]+",store="${journeysOver === 'sqlite' ? 'sqlite' : 'kurrentdb'}"\\} 1$`,
        'm',
      ),
    );
    expect(value(/ledger_data_free_bytes/)).toBeGreaterThan(0);
    expect(value(/ledger_store_appended_events_total/)).toBeGreaterThanOrEqual(5);
    if (journeysOver === 'sqlite') expect(value(/ledger_store_commits_total/)).toBeGreaterThanOrEqual(4);
    else {
      expect(value(/ledger_store_appends_in_flight/)).toBe(0);
      expect(value(/ledger_store_unknown_outcomes_total/)).toBe(0);
      expect(value(/ledger_store_resubscriptions_total\{connection="server"\}/)).toBeGreaterThanOrEqual(0);
      expect(text).not.toContain('ledger_store_wal_bytes');
    }
    expect([value(/ledger_timekeeper_lag_seconds/), text.includes('ledger_timekeeper_commands_total{')]).toEqual([
      0,
      false,
    ]);
    expect(value(/ledger_timekeeper_holds_lease/)).toBe(journeysOver === 'sqlite' ? 1 : 0);
    expect(value(/ledger_open/)).toBe(1);
    expect(value(/ledger_damaged/)).toBe(0);
    expect(value(/ledger_projector_restarts_total/)).toBe(0);
    expect(value(/ledger_view_lag_events\{view="items"\}/)).toBe(0);
    expect(value(/ledger_view_stopped\{view="items"\}/)).toBe(0);
    expect([value(/ledger_past_views_waiting/), value(/ledger_past_views_running/)]).toEqual([0, 0]);
    expect([value(/ledger_past_views_kept/), value(/ledger_past_views_failed_total/)]).toEqual([1, 0]);
    expect(value(/ledger_past_views_kept_bytes/)).toBeGreaterThan(1_000);
    expect(value(/ledger_cached_tokens/)).toBeGreaterThanOrEqual(2);
    expect(text).not.toContain(path.split('/').at(-1));
    expect((await server.get('/metrics', { as: null })).status).toBe(404);
  });

  it('is ready when its views are where the log is', async () => {
    const { body } = await server.get('/health/ready', { as: null });
    expect(body).toMatchObject({ status: 'ready', missing: [], degraded: [] });
    // Where servers share the log, nobody asks for the lease while nothing is due.
    expect(body.timekeeper).toEqual({ status: 'on', holdsLease: journeysOver === 'sqlite', secondsBehind: 0 });
    expect(body.views.map(({ name, status }: any) => [name, status])).toEqual(
      [
        'customer-list',
        'support-contacts',
        'delegated-admin-grants',
        'items',
        'relationship-requests',
        'ended-relationships',
        'history',
      ].map((name) => [name, 'running']),
    );
  });

  it('goes on with the caller’s trace, and gives back its correlation id', async () => {
    const traced = await server.get('/v1/customers', {
      headers: {
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        'x-correlation-id': 'order.17',
      },
    });
    expect(traced.headers.get('traceparent')).toMatch(
      /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/,
    );
    expect(traced.headers.get('x-correlation-id')).toBe('order.17');
  });
});
