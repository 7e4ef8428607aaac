import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import {
  boundariesIn,
  eventsOf,
  isOfTimekeeper,
  overdueBook,
  overduePerCustomer,
  problemsOf,
  secondsBehind,
  untilRecorded,
} from './overdue-book.js';
import { journeysOver } from './journey-store.js';
import { runServer, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

/** Another server of one's own takes over at once from one that was killed. */
const lease = { TIMEKEEPER_LEASE_SECONDS: '1' };

async function integrityOf({ store, dataDirectory }: RunningServer): Promise<string> {
  const { code, stdout, stderr } = await runTool('integrity', [], {
    DATA_DIR: dataDirectory,
    ...store.env,
  });
  return code === 0 ? 'whole' : `${stdout}${stderr}`;
}

describe('a server that keeps time', () => {
  let server: RunningServer;
  let paths: readonly string[];
  beforeAll(async () => {
    server = await runServer({ env: { METRICS_PORT: '0' } });
    paths = await overdueBook(server, 2);
    await untilRecorded(server);
  });
  afterAll(() => server.end());

  it('records by itself everything that has fallen due, as the ledger itself', async () => {
    const events = await eventsOf(server);
    expect(problemsOf(events)).toEqual([]);
    const own = events.filter(isOfTimekeeper);
    expect(new Set(own.map(({ command }) => command))).toEqual(
      new Set([
        'ExpireRelationshipRequest',
        'RenewSubscription',
        'EndSubscriptionTerm',
        'RenewSoftware',
        'ExpireSoftware',
        'ExpireReservation',
        'ExpireSavingsPlan',
        'ExpireDelegatedAdmin',
      ]),
    );
    // All that is due of an item is one command, and one append.
    expect(new Set(own.map(({ commandid }) => commandid)).size).toBe(2 * overduePerCustomer);
    expect(own.every(({ actorroles }) => actorroles === '')).toBe(true);
  });

  it('leaves no refusal behind, and nothing to do for people', async () => {
    const journals = await server.get('/v1/events?limit=200&journals=true');
    expect((journals.body as any[]).filter(({ type }) => type === 'CommandRejected')).toEqual([]);
    expect(await server.post(`${paths[0]}/subscriptions/renewed/renew`)).toMatchObject({ status: 409, code: 'NotDue' });
  });

  it('says how far it is, and what it has done', async () => {
    expect((await server.get('/health/ready', { as: null })).body).toMatchObject({
      status: 'ready',
      degraded: [],
      timekeeper: { status: 'on', holdsLease: true, secondsBehind: 0 },
    });
    const metrics = await (await fetch(/Metrics +(\S+)/.exec(server.output())![1]!)).text();
    expect(metrics).toContain('ledger_timekeeper_lag_seconds 0\n');
    expect(metrics).toContain(`ledger_timekeeper_commands_total{outcome="accepted"} ${2 * overduePerCustomer}\n`);
  });
});

describe('a server that was off while time went on', () => {
  it('catches up in due order, each thing once, though it is killed again and again meanwhile', async () => {
    let server = await runServer({ env: { TIMEKEEPER: 'off' } });
    try {
      const customers = 30;
      await overdueBook(server, customers);
      expect((await server.get('/health/ready', { as: null })).body).toMatchObject({ timekeeper: { status: 'off' } });
      expect(await secondsBehind(server)).toBeGreaterThan(0);
      const { store, dataDirectory } = server;
      await server.stop();

      const recorded = async () =>
        new Set((await eventsOf(server)).filter(isOfTimekeeper).map((e) => e.commandid)).size;
      const total = customers * overduePerCustomer;
      for (const share of [0.2, 0.5, 0.8]) {
        const env = { ...lease, TIMEKEEPER_RATE: '50' };
        server = await runServer({ store, dataDirectory, env, until: 'live' });
        await eventually(`${share} of it`, async () => (await recorded()) >= share * total);
        await server.killAtOnce();
      }
      server = await runServer({ store, dataDirectory, env: lease });
      await untilRecorded(server);

      const events = await eventsOf(server);
      expect(problemsOf(events)).toEqual([]);
      expect(await recorded()).toBe(total);
      const boundaries = boundariesIn(events);
      expect(boundaries).toEqual(boundaries.toSorted());
      if (journeysOver === 'sqlite') await server.stop();
      expect(await integrityOf(server)).toBe('whole');
    } finally {
      await server.end();
    }
  });
});
