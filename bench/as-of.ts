import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { tokensOf } from '../apps/demo/src/tokens.js';
import { startServer } from '../test/server-process.js';
import { admin, eventsPerRelationship, partner, prepareRelationships } from './histories.js';
import type { LoadOrder, LoadReport } from './load-generator.js';
import { figure, median, report, table } from './results.js';

// Lists as they stood, over a log of some size: how long one takes to be made, and to be asked once it is there; and what
// commands notice of it while as many as the server allows are made without a pause. With and without take turns on the
// same server, so that what the machine does meanwhile hits both.

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1,16' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(values.rounds);
const levels = values.connections.split(',').map(Number);

const lists = {
  'customer-list': '/v1/customers',
  items: '/v1/items',
  'support-contacts': '/v1/support-contacts',
  'delegated-admin-grants': '/v1/delegated-admin-grants',
  'ended-relationships': '/v1/ended-relationships',
};

async function load(order: LoadOrder): Promise<LoadReport> {
  const child: ChildProcess = fork(fileURLToPath(new URL('load-generator.js', import.meta.url)));
  await once(child, 'message');
  child.send(order);
  const [answer] = (await once(child, 'message')) as [{ readonly report?: LoadReport; readonly error?: string }];
  child.kill();
  if (!answer.report) throw new Error(answer.error);
  return answer.report;
}

/** 0 where the system does not tell. */
function residentMib(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

const work = mkdtempSync(join(values.dir, 'bench-as-of-'));
const dataDirectory = join(work, 'data');
try {
  await (await startServer({ dataDirectory, partners: [partner] })).stop();
  const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
  const prepared = await prepareRelationships(store, Math.ceil(Number(values.events) / eventsPerRelationship));
  const head = await store.head();
  await store.close();

  const env = { LOG_LEVEL: 'error' };
  const server = await startServer({ dataDirectory, partners: [partner], env }, 'live');
  // The live views come first, for as long as it takes.
  while (!(await fetch(`${server.url}/health/ready`)).ok) await sleep(500);
  const token = await (await tokensOf(join(dataDirectory, 'keys', 'token-key.json')))(admin);
  const headers = { Authorization: `Bearer ${token}` };
  async function ask(path: string): Promise<number> {
    const askedAt = performance.now();
    const answer = await fetch(`${server.url}${path}`, { headers: { ...headers, Prefer: 'wait=30' } });
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${body}`);
    return performance.now() - askedAt;
  }

  const before = residentMib(server.child.pid!);
  const made = [];
  for (const [view, path] of Object.entries(lists)) {
    const times: number[] = [];
    // Each of another past.
    for (let round = 0; round < rounds; round++) times.push(await ask(`${path}?asOfPosition=${head - round}`));
    const kept: number[] = [];
    for (let asked = 0; asked < 200; asked++) kept.push(await ask(`${path}?asOfPosition=${head}`));
    const sizes = readdirSync(join(dataDirectory, 'as-of'))
      .filter((name) => name.startsWith(view))
      .map((name) => statSync(join(dataDirectory, 'as-of', name)).size);
    made.push({ view, times, kept, mib: Math.max(...sizes) / 1024 / 1024 });
  }

  const after = residentMib(server.child.pid!);

  /** How many the server makes at once by default. */
  function keepMaking(): () => Promise<number> {
    let going = true;
    let count = 0;
    let position = head - rounds;
    const making = [1, 2].map(async () => {
      while (going) {
        await ask(`/v1/items?limit=1&asOfPosition=${--position}`);
        count++;
      }
    });
    return async () => {
      going = false;
      await Promise.all(making);
      return count;
    };
  }

  let firstQuantity = 1_000;
  const commands = levels.flatMap((connections) =>
    [false, true].map((folds) => ({ connections, folds, reports: [] as LoadReport[], made: 0 })),
  );
  for (let round = 0; round < rounds; round++)
    for (const each of round % 2 ? commands.toReversed() : commands) {
      const stop = each.folds ? keepMaking() : () => Promise.resolve(0);
      const order = { port: server.port, headers, connections: each.connections, warmUpMs: 1_500, firstQuantity };
      const paths = prepared.map(
        ({ customerId, subscriptionId }) => `/v1/customers/${customerId}/subscriptions/${subscriptionId}/quantity`,
      );
      each.reports.push(await load({ ...order, measureMs: Number(values.seconds) * 1000, paths }));
      firstQuantity += 60_000;
      each.made += await stop();
    }
  await server.stop();

  const of = (numbers: readonly number[]) => median(numbers).toFixed(2);
  console.log(
    `Lists as they stood over ${figure(head)} events, median of ${rounds} rounds; load ${loadavg()[0]!.toFixed(1)}\n`,
  );
  console.log(
    table(
      ['view', 'to make it, s', 'events/s', 'kept: a page, ms', 'MiB'],
      made.map(({ view, times, kept, mib }) => [
        view,
        (median(times) / 1000).toFixed(2),
        figure((1000 * head) / median(times)),
        of(kept),
        mib.toFixed(0),
      ]),
    ),
  );
  console.log(`\nMemory of the server: ${before} MiB before, ${after} MiB with one thread and what is kept`);
  console.log('\nCommands meanwhile\n');
  console.log(
    table(
      ['connections', 'lists being made', 'commands/s', 'p50 ms', 'p99 ms', 'max ms'],
      commands.map(({ connections, folds, reports, made }) => [
        String(connections),
        folds ? `2 (${made} made)` : 'none',
        figure(median(reports.map(({ perSecond }) => perSecond))),
        of(reports.map(({ p50Ms }) => p50Ms)),
        of(reports.map(({ p99Ms }) => p99Ms)),
        of(reports.map(({ maxMs }) => maxMs)),
      ]),
    ),
  );
  report([
    ...made.map(({ view, times }) => ({
      bench: 'as of',
      name: `${view}, events`,
      rates: times.map((ms) => (1000 * head) / ms),
    })),
    ...commands
      .filter(({ folds }) => folds)
      .map(({ connections, reports }) => {
        const without = commands.find((other) => other.connections === connections && !other.folds)!;
        return {
          bench: 'as of',
          name: `commands at ${connections} connections while lists are made`,
          rates: reports.map(({ perSecond }) => perSecond),
          ratio: median(reports.map(({ perSecond }, round) => perSecond / without.reports[round]!.perSecond)),
        };
      }),
  ]);
} finally {
  rmSync(work, { recursive: true, force: true });
}
