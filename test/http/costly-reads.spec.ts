import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { customerPath, establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

// Only GUIDs stand in the log as they are.
const asksMuch = randomUUID();
const another: Readonly<Record<string, string>> = { command: randomUUID(), question: randomUUID() };

describe('a caller whose questions cost much', () => {
  let server: RunningServer;
  let other: string;
  let large: string;
  beforeAll(async () => {
    server = await runServer();
    other = await establish(server);
    const customerId = newCustomer();
    await establish(server, customerId);
    large = `${customerPath(customerId)}/reseller-relationship`;
    for (let bought = 0; bought < 1_500; bought += 500) {
      const items = Array.from({ length: 500 }, (_, index) => ({
        idempotencyKey: `buys-${bought + index}`,
        command: 'PurchaseSubscription',
        customerId,
        body: subscription(`s-${bought + index}`),
      }));
      expect(await server.post('/v1/commands', { items }, { key: null })).toMatchObject({ status: 200 });
    }
  });
  afterAll(() => server.end());

  /** What the server has logged of its requests since the last call, in the order in which they were answered. */
  async function answered(since: number): Promise<readonly { route: string; status: number; actor: string }[]> {
    // It gathers its lines for a moment.
    await sleep(500);
    return server
      .output()
      .slice(since)
      .split('\n')
      .filter((line) => line.includes('"msg":"request"'))
      .map((line) => JSON.parse(line) as { route: string; status: number; actor: string });
  }

  /**
   * A caller that sends one request after the other is answered while the work is done: more often than a server that goes round the loop
   * only before and after it could. How often is left to the machine, which may keep this process from asking: again until
   * it has not.
   */
  async function untilOthersAreAnsweredMeanwhile<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      let isGoing = true;
      const done = work().finally(() => (isGoing = false));
      let others = 0;
      for (; isGoing; others++) expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
      const result = await done;
      if (others > 6) return result;
    }
  }

  it.each([
    ['removal-readiness', 'GET', 200],
    ['remove?dryRun=true', 'POST', 409],
  ])('with %s keeps no other caller waiting until all of them are answered', async (below, method, status) => {
    // Others come in between only if this process gets to send them: again until it has.
    while (!(await haveOthersTheirTurn(below, method, status)));
  });

  async function haveOthersTheirTurn(below: string, method: string, status: number): Promise<boolean> {
    const authorization = `Bearer ${await server.tokenOf({ id: asksMuch })}`;
    const since = server.output().length;
    const asked = Array.from({ length: 200 }, async () => {
      const headers = { authorization, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) };
      const answer = await fetch(`${server.url}${large}/${below}`, {
        method,
        headers,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      await answer.arrayBuffer();
      return answer.status;
    });
    // Not before the server has begun with them.
    await Promise.race(asked);
    const others = ['command', 'question'].map((kind) => {
      const as = { id: another[kind]! };
      return kind === 'command'
        ? server.post(`${other}/profile/update`, { name: `Name of ${below}` }, { as })
        : server.get(`${other}/reseller-relationship`, { as });
    });
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([status]));

    const order = (await answered(since)).map(({ actor }) => actor);
    expect(order.filter((actor) => actor === asksMuch)).toHaveLength(200);
    return ['command', 'question'].every((kind) => {
      const place = order.indexOf(another[kind]!);
      expect(place).toBeGreaterThan(-1);
      return order.slice(place).filter((actor) => actor === asksMuch).length > 10;
    });
  }

  it.each([
    ['dry runs', '?dryRun=true', {}, 200],
    ['commands that meet no condition', '', { ifMatch: '"0.1"' }, 412],
  ])('with a bulk of %s keeps no other caller waiting until all of it is answered', async (_, query, more, status) => {
    const customerId = large.split('/')[3]!;
    const items = Array.from({ length: 500 }, (_, index) => ({
      command: 'SuspendSubscription',
      customerId,
      subscriptionId: `s-${index}`,
      idempotencyKey: `suspends-${index}`,
      body: { reason: 'customerRequest' },
      ...more,
    }));
    const send = () => server.post(`/v1/commands${query}`, { items }, { as: { id: asksMuch }, key: null });
    const { body } = await untilOthersAreAnsweredMeanwhile(send);
    expect(new Set(body.items.map((item: { readonly status: number }) => item.status))).toEqual(new Set([status]));
  });

  it('with ten readings of the history keeps no other caller waiting until all of it is answered', async () => {
    const headers = { authorization: `Bearer ${await server.tokenOf({})}`, accept: 'application/x-ndjson' };
    const readings = () =>
      Array.from({ length: 10 }, async () => {
        const answer = await fetch(`${server.url}/v1/events`, { headers });
        return (await answer.arrayBuffer()).byteLength;
      });
    const all = await untilOthersAreAnsweredMeanwhile(() => Promise.all(readings()));
    for (const bytes of all) expect(bytes).toBeGreaterThan(3_000_000);
  });

  it.each([
    ['explanation', () => `${large.slice(0, large.lastIndexOf('/'))}/explanations/items/subscription/s-1`],
    ['relationship as it stood', () => `${large}?asOfRevision=3000`],
  ])('that has gone has no %s worked through for it', async (_, path) => {
    const as = { id: 'goes' };
    const headers = { authorization: `Bearer ${await server.tokenOf(as)}` };
    await server.get(path(), { as });
    const leaving = new AbortController();
    const asked = Array.from({ length: 100 }, () =>
      fetch(`${server.url}${path()}`, { headers, signal: leaving.signal }),
    );
    await Promise.race(asked);
    leaving.abort();
    await Promise.allSettled(asked);
    expect((await server.get(path(), { as })).status).toBe(200);
  });
});
