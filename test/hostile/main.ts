import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import type { Partner, Role } from '#customer-relationship';
import { embeddedKey, signToken } from '#http';
import { startServer, untilCaughtUp } from '../server-process.js';
import { kinds, type Got, type Target } from './kinds.js';

// Sends hostile requests of every kind to a server of its own, and shows what its memory does. What the figures were and
// where they come from is in decision 0014.

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '32000' },
    connections: { type: 'string', default: '32' },
    /** Kinds whose names contain it. */
    only: { type: 'string', default: '' },
    /** Not those whose names contain it. */
    without: { type: 'string', default: 'nothing at all' },
    /** Another build of the server. */
    root: { type: 'string', default: '.' },
    /** Options for the node of the server, with commas. */
    node: { type: 'string', default: '' },
    /** A directory for heap snapshots, before and after. */
    snapshots: { type: 'string', default: '' },
    /** With the limits that a server has by default, instead of none. */
    rest: { type: 'string', default: '65' },
    limited: { type: 'boolean', default: false },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'hostile-'));
const dataDirectory = join(directory, 'data');
const partners = JSON.parse(readFileSync(resolve('partners.json'), 'utf8')) as readonly Partner[];
const partner = partners.find(({ name }) => name.startsWith('Northwind'))!;
const nodeOptions = [
  ...(values.node === '' ? [] : values.node.split(',')),
  ...(values.snapshots === ''
    ? []
    : ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${resolve(values.snapshots)}`]),
];
const env = {
  METRICS_PORT: '0',
  LOG_LEVEL: 'info',
  ...(values.limited ? { RATE_LIMIT: '', FAILED_TOKEN_LIMIT: '' } : {}),
};
process.chdir(values.root);
const server = await startServer({ dataDirectory, partners, nodeOptions, env });
const { signing } = await embeddedKey(join(dataDirectory, 'keys', 'token-key.json'));
const tokenOf = (tenant: string, roles: readonly Role[], id: string) =>
  signToken(signing, { tenant, roles, app: false, id, minutes: 24 * 60 });

const customerId = randomUUID();
const path = `/v1/customers/${customerId}`;
const ours = await Promise.all(
  Array.from({ length: 40 }, (_, nth) => tokenOf(partner.tenantId, ['GlobalAdmin', 'AdminAgent'], `caller-${nth}`)),
);
const theirs = await tokenOf(customerId, ['CustomerGlobalAdmin'], 'customer');

async function post(to: string, body: object, token = ours[0]!): Promise<void> {
  const { ok, status } = await fetch(`${server.url}${to}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'idempotency-key': randomUUID(),
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  if (!ok) throw new Error(`${to}: ${status}`);
}
await post(`${path}/reseller-relationship/request`, { customer: { name: 'Contoso' }, market: partner.market });
await post(`/v1/partners/${partner.tenantId}/customers/${customerId}/reseller-relationship/accept`, {}, theirs);
await post(`${path}/agreement/confirm`, {});

/** In MB. */
interface Memory {
  readonly rss: number;
  readonly own: number;
  readonly heap: number;
  readonly external: number;
}
const metricsUrl = /http:\/\/\S+\/metrics/.exec(server.output())![0];
/** Of a Linux process, in MB; RssAnon is without the files that are mapped into it. */
function resident(name: 'VmRSS' | 'RssAnon'): number {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1000;
}
const rss = () => resident('VmRSS');
async function memory(): Promise<Memory> {
  const metrics = await (await fetch(metricsUrl)).text();
  const valueOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? NaN) / 1e6;
  return {
    rss: rss(),
    own: resident('RssAnon'),
    heap: valueOf('nodejs_heap_size_used_bytes'),
    external: valueOf('nodejs_external_memory_bytes'),
  };
}
const logBytes = () =>
  ['events.sqlite', 'events.sqlite-wal']
    .map((name) => statSync(join(dataDirectory, name)).size)
    .reduce((a, b) => a + b);

/** It takes the server some seconds, in which it answers nothing. */
async function snapshot(): Promise<void> {
  if (values.snapshots === '') return;
  server.child.kill('SIGUSR2');
  await pause(1_000);
  await memory();
}

const target: Target = { port: server.port, tokens: ours, partnerId: partner.tenantId, path };
const chosen = Object.entries(kinds).filter(([name]) => name.includes(values.only) && !name.includes(values.without));
const requests = Number(values.requests);
const statuses = new Map<string, Map<string, number>>();
const wrong: string[] = [];

/** Said of the request, or of a server that has much to do; every other code from 500 on is a fault of its own. */
const allowed = new Set(['MethodNotImplemented', 'AsOfUnavailable', 'AsOfInProgress']);

function take(kind: string, { status, text }: Got): void {
  const counts = statuses.get(kind) ?? new Map<string, number>();
  statuses.set(kind, counts);
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? '';
  const said = status < 400 ? `${status}` : `${status} ${code}`;
  counts.set(said, (counts.get(said) ?? 0) + 1);
  if (status >= 500 && !allowed.has(code)) wrong.push(`${kind}: ${said}`);
  if (status >= 400 && code === '') wrong.push(`${kind}: ${status} without a problem`);
}

function shown({ rss: now, own, heap, external }: Memory): string {
  return `RSS ${now.toFixed(0)} MB, own ${own.toFixed(0)}, heap ${heap.toFixed(0)}, external ${external.toFixed(0)}`;
}

/** What an honest server answers meanwhile: its own few questions. */
await Promise.all(
  Array.from({ length: 200 }, () =>
    fetch(`${server.url}/v1/customers`, { headers: { authorization: `Bearer ${ours[0]}` } }).then((answer) =>
      answer.text(),
    ),
  ),
);
const before = await memory();
const logBefore = logBytes();
await snapshot();
let peak = before.rss;
const looking = setInterval(() => (peak = Math.max(peak, rss())), 100);
let sent = 0;
await Promise.all(
  Array.from({ length: Number(values.connections) }, async () => {
    while (sent < requests) {
      const nth = sent++;
      const [name, kind] = chosen[nth % chosen.length]!;
      const got = await kind(target, nth).catch((error: unknown) => {
        wrong.push(`${name}: ${String((error as Error).cause ?? error)}`);
        return [];
      });
      for (const each of got) take(name, each);
      if (nth > 0 && nth % Math.ceil(requests / 10) === 0) {
        console.log(`${String(nth).padStart(8)}  ${shown(await memory())}`);
      }
    }
  }),
);
const after = await memory();
await pause(Number(values.rest) * 1000);
clearInterval(looking);
const rested = await memory();
await snapshot();
await untilCaughtUp(server);
for (const [kind, counts] of statuses)
  console.log(`${kind.padEnd(36)} ${[...counts].map(([said, count]) => `${said}: ${count}`).join(', ')}`);
console.log(
  `before ${shown(before)}\nafter  ${shown(after)}\na minute later ${shown(rested)}\npeak RSS ${peak.toFixed(0)} MB`,
);
console.log(`the log has grown by ${((logBytes() - logBefore) / 1e6).toFixed(1)} MB`);
for (const each of new Set(wrong)) console.log(`WRONG ${each}`);
await server.stop();
rmSync(directory, { recursive: true });
process.exitCode = wrong.length > 0 ? 1 : 0;
