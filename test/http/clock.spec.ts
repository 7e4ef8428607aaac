import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { embeddedKey, signToken } from '#http';
import { eventually } from '../eventually.js';
import { canFakeTime, fakeClock } from '../faketime.js';
import { hence } from '../wall-clock.js';
import {
  establish,
  newCustomer,
  northwind,
  runServer,
  subscription,
  type RunningServer,
  type Sent,
} from './running-server.js';
import { journeysOver } from './journey-store.js';
import { runTool } from './tools.js';

const yearMs = 365 * 24 * 60 * 60 * 1_000;
const day = (ms: number) => hence(ms).toISOString().slice(0, 10);

(canFakeTime ? describe : describe.skip)('a clock that jumps by a year while the server runs (needs faketime)', () => {
  let clock: ReturnType<typeof fakeClock>;
  let server: RunningServer;
  let customer: string;
  let path: string;
  let as: string;
  const suspend = { body: { reason: 'nonPayment' }, key: 'suspend-it' };

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ledger-clock-'));
    clock = fakeClock(join(directory, 'clock'));
    const env = { ...clock.env, JWT_LIFETIME_MAX_SECONDS: String(3 * 365 * 86_400) };
    server = await runServer({ dataDirectory: join(directory, 'data'), env });
    const { signing } = await embeddedKey(join(server.store.keysDirectory, 'token-key.json'));
    // Good before the jump and after it.
    as = await signToken(signing, {
      tenant: northwind,
      roles: ['GlobalAdmin', 'AdminAgent'],
      app: false,
      id: 'user-1',
      minutes: 2 * 365 * 24 * 60,
    });
    customer = newCustomer();
    path = await establish(server, customer);
    expect((await server.post(`${path}/subscriptions`, subscription('s'))).status).toBe(201);
  });
  afterAll(() => server.end());

  const get = (what: string) => server.get(what, { as });
  const post = (what: string, body: unknown, sent: Sent = {}) => server.post(what, body, { as, ...sent });
  const history = async () => (await get(`${path}/events?limit=200`)).body as readonly any[];
  const tool = (...args: string[]) => runTool('clock', args, { ...clock.env, DATA_DIR: server.dataDirectory });
  const refused = { status: 503, code: 'ClockNotTrusted' };

  it('lets no command through, and shows nothing that counts from it', async () => {
    const before = await history();
    clock.set('+365d');
    const answer = await post(`${path}/subscriptions/s/suspend`, suspend.body, { key: suspend.key });
    expect(answer).toMatchObject({ ...refused, body: { outcome: 'none', retryable: true } });
    expect(answer.headers.get('retry-after')).toBe('60');
    const { reads, expected } = answer.body.clock;
    expect(Math.round((Date.parse(reads) - Date.parse(expected)) / yearMs)).toBe(1);
    expect(answer.body.detail).toContain('npm run clock -- agree');

    expect(await post(`${path}/subscriptions/s/suspend?dryRun=true`, suspend.body)).toMatchObject(refused);
    const item = { command: 'RenewSubscription', customerId: customer, subscriptionId: 's', idempotencyKey: 'in-bulk' };
    const bulk = await post('/v1/commands', { items: [item] }, { key: null });
    expect(bulk.body.items).toMatchObject([{ status: 503, body: { code: 'ClockNotTrusted' } }]);
    for (const question of [
      `${path}/reseller-relationship`,
      `${path}/reseller-relationship/removal-readiness`,
      `${path}/subscriptions/s`,
      `${path}/items`,
      `${path}/explanations/items/subscription/s`,
    ])
      expect(await get(question)).toMatchObject(refused);
    expect(await history()).toEqual(before);
  });

  it('leaves the past, the history and the health as they are', async () => {
    const [last] = (await history()).slice(-1);
    expect(await get(`${path}/subscriptions/s?asOf=${last.time}`)).toMatchObject({ status: 200 });
    expect(await get(`${path}/subscriptions/s?asOf=${hence(yearMs / 2).toISOString()}`)).toMatchObject({ status: 400 });
    expect(await server.get('/health/live', { as: null })).toMatchObject({ status: 200 });
    const ready = await server.get('/health/ready', { as: null });
    expect(ready).toMatchObject({ status: 503, body: { status: 'notReady' } });
    expect(ready.body.missing.join()).toMatch(/^the clock is not trusted: it reads /);
    await eventually('a line in the log', () => server.output().includes('"msg":"the clock is not trusted'));
  });

  it('is agreed to by a person who names the time, and by no other word', async () => {
    expect(await tool('show')).toMatchObject({ code: 0, stdout: expect.stringContaining('does not trust its clock') });
    expect(await tool('agree')).toMatchObject({ code: 64, stderr: expect.stringContaining('Usage') });
    expect(await tool('agree', day(0))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing was agreed to'),
    });
    expect(await get(`${path}/subscriptions/s`)).toMatchObject(refused);

    expect(await tool('agree', day(yearMs))).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Agreed: /) });
    const answer = await post(`${path}/subscriptions/s/suspend`, suspend.body, { key: suspend.key });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('idempotent-replayed')).toBeNull();
    await eventually('a line in the log', () => server.output().includes('a person has agreed to the jump'));
    expect(await tool('agree', day(yearMs))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing to agree to'),
    });
  });

  it('leaves a log that can be read to its end once it is set back', async () => {
    const [last] = (await history()).slice(-1);
    expect(last.time > hence(yearMs / 2).toISOString()).toBe(true);
    clock.set('+0');
    const then = await get(`${path}/subscriptions/s?asOf=${last.time}`);
    expect(then.body).toMatchObject({ status: 'suspended', asOf: last.time });
    await eventually('the list as it stood', async () => (await get(`${path}/items?asOf=${last.time}`)).status === 200);
    const later = new Date(Date.parse(last.time) + 1).toISOString();
    const beyond = await get(`${path}/subscriptions/s?asOf=${later}`);
    expect(beyond).toMatchObject({ status: 400, code: 'InvalidQuery' });
    expect(beyond.body.errors[0].detail).toContain(last.time);
  });

  if (journeysOver === 'sqlite')
    it('is believed at a start, when the server may have been off, and a person is told since when', async () => {
      await server.stop();
      clock.set('+700d');
      server = await server.restart();
      await eventually('a line in the log', () => server.output().includes('nothing has been recorded for long'));
      const { body } = await get(`${path}/reseller-relationship/removal-readiness`);
      expect(body.asOf.slice(0, 4)).toBe(String(hence((700 / 365) * yearMs).getUTCFullYear()));
    });
  else
    it('is not believed at a start: the database knows the time', async () => {
      await server.stop();
      clock.set('+365d');
      await expect(server.restart()).rejects.toThrow('The clock of the event store says');
      clock.set('+0');
      server = await server.restart();
      expect(await get(`${path}/subscriptions/s`)).toMatchObject({ status: 200 });
    });
});
