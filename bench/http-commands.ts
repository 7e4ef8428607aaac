import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pairOf } from '#customer-relationship';
import type { EventStore, RecordedEvent } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import Database from 'better-sqlite3';
import { tokensOf } from '../apps/demo/src/tokens.js';
import { freePort, startServer } from '../test/server-process.js';
import { ended, forked, generated } from './child-processes.js';
import { admin, eventsPerRelationship, partner, prepareRelationships, type PreparedRelationship } from './histories.js';
import type { LoadReport } from './load-generator.js';
import { naiveSchema } from './naive-schema.js';
import { figure, median, report, table, type Result } from './results.js';

// Durable commands per second over HTTP: the ledger as it is built and configured by default (authentication, idempotency,
// hash chain, projector and log included) against the same decision in a straightforward NestJS server. Both take the same
// command on copies of the same histories, so that each request appends one event; every answer is checked, and after
// each run the log is read and counted.
//
// Rounds are interleaved and every run has a fresh copy, a server and a generator of its own: what the machine does
// meanwhile hits both sides, and no stream grows long on the side that reads it for every command.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,16,64' },
    'warm-up': { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    relationships: { type: 'string', default: '2000' },
    /** Also the ledger as it exports a trace of every request, and its metrics, to a collector in a process of its own. */
    tracing: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const levels = values.connections.split(',').map(Number);
const [warmUpMs, measureMs] = [values['warm-up'], values.seconds].map((seconds) => Number(seconds) * 1000) as [
  number,
  number,
];

interface Side {
  readonly name: string;
  /** Serves a fresh copy of what has been prepared. */
  readonly serve: (directory: string) => Promise<Served>;
}

interface Served {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What its process has used of the CPU since its start, in ms, all threads together; where the system says so. */
  readonly cpuMs?: () => number;
  readonly stop: () => Promise<void>;
  /** The number of events of relationships in the log, which must have no gaps. */
  readonly countEvents: (() => Promise<number>) | undefined;
}

const work = mkdtempSync(join(tmpdir(), 'ledger-bench-'));
const ledgerDirectory = join(work, 'ledger');
const naiveFile = join(work, 'naive.db');

/** The data that every run gets a copy of. */
async function prepare(count: number): Promise<PreparedRelationship[]> {
  // The first start makes the keys and the log.
  await (await startServer({ dataDirectory: ledgerDirectory, partners: [partner] })).stop();
  const store = openLog(ledgerDirectory);
  const prepared = await prepareRelationships(store, count);
  const events = await relationshipEvents(store);
  await store.close();
  // The second brings the views up to date, so that no run does it.
  await (await startServer({ dataDirectory: ledgerDirectory, partners: [partner] })).stop();

  const naive = new Database(naiveFile);
  naive.pragma('journal_mode = WAL');
  naive.exec(naiveSchema);
  const insert = naive.prepare(
    'INSERT INTO events (id, stream, revision, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );
  naive.transaction(() => {
    for (const { id, stream, revision, type, data, metadata } of events)
      insert.run(id, stream, revision, type, JSON.stringify(data), JSON.stringify(metadata));
  })();
  naive.close();
  return prepared;
}

const openLog = (dataDirectory: string) => openSqliteEventStore({ path: eventsFileIn(dataDirectory) });

/** Every event of a relationship. @throws Error when a stream has a gap */
async function relationshipEvents(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  const nextRevision = new Map<string, number>();
  const reading = new AbortController();
  for await (const batch of store.subscribe({ after: 0, signal: reading.signal })) {
    for (const event of batch.events) {
      if (!pairOf(event.stream)) continue;
      const expected = nextRevision.get(event.stream) ?? 0;
      if (event.revision !== expected)
        throw new Error(`${event.stream} goes from ${expected - 1} to ${event.revision}`);
      nextRevision.set(event.stream, expected + 1);
      events.push(event);
    }
    if (batch.caughtUp) reading.abort();
  }
  return events;
}

const ledger: Side = { name: 'Reseller Ledger', serve: (directory) => serveLedger(directory, {}) };

const traced: Side = {
  name: 'Reseller Ledger, traced',
  async serve(directory) {
    const port = await freePort();
    const collector = await forked('otlp-sink.js', String(port));
    const served = await serveLedger(directory, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    return {
      ...served,
      async stop() {
        await served.stop();
        await ended(collector);
      },
    };
  },
};

async function serveLedger(directory: string, env: Readonly<Record<string, string>>): Promise<Served> {
  const dataDirectory = join(directory, 'ledger');
  cpSync(ledgerDirectory, dataDirectory, { recursive: true });
  // As it runs by default, log and all; the log goes to a pipe that nobody keeps.
  const server = await startServer({ dataDirectory, partners: [partner], env: { LOG_LEVEL: 'info', ...env } });
  const token = await (await tokensOf(join(dataDirectory, 'keys', 'token-key.json')))(admin);
  return {
    port: server.port,
    headers: { Authorization: `Bearer ${token}` },
    cpuMs: () => cpuMsOf(server.child.pid!),
    stop: () => server.stop(),
    async countEvents() {
      const store = openLog(dataDirectory);
      const events = await relationshipEvents(store);
      await store.close();
      return events.length;
    },
  };
}

const naive: Side = {
  name: 'naive NestJS',
  async serve(directory) {
    const file = join(directory, 'naive.db');
    cpSync(naiveFile, file);
    const port = await freePort();
    const child = await forked('naive-server.js', file, String(port), JSON.stringify(partner));
    return {
      port,
      headers: {},
      stop: () => ended(child),
      async countEvents() {
        const database = new Database(file, { readonly: true });
        const streams = database
          .prepare('SELECT stream, count(*) AS events, max(revision) AS last FROM events GROUP BY stream')
          .all() as { stream: string; events: number; last: number }[];
        database.close();
        const gap = streams.find(({ events, last }) => events !== last + 1);
        if (gap) throw new Error(`${gap.stream} has ${gap.events} events up to revision ${gap.last}`);
        return streams.reduce((sum, { events }) => sum + events, 0);
      },
    };
  },
};

/** No storage, no decision: what is left for a server to take. */
const raw: Side = {
  name: 'raw node:http',
  async serve() {
    const port = await freePort();
    const child = await forked('raw-server.js', String(port));
    return { port, headers: {}, stop: () => ended(child), countEvents: undefined };
  },
};

async function measure(
  side: Side,
  connections: number,
  prepared: readonly PreparedRelationship[],
): Promise<MeasuredRun> {
  const directory = mkdtempSync(join(work, 'run-'));
  const { port, headers, cpuMs, stop, countEvents } = await side.serve(directory);
  const cpuBefore = cpuMs?.() ?? NaN;
  const report = await generated({
    port,
    connections,
    warmUpMs,
    measureMs,
    headers,
    paths: prepared.map(
      ({ customerId, subscriptionId }) => `/v1/customers/${customerId}/subscriptions/${subscriptionId}/quantity`,
    ),
    firstQuantity: 1_000,
  }).catch((error: unknown) => {
    throw new Error(`${side.name} at ${connections} connections`, { cause: error });
  });
  const cpuPerCommand = (1_000 * ((cpuMs?.() ?? NaN) - cpuBefore)) / report.acknowledged;
  await stop();
  if (countEvents) {
    const events = await countEvents();
    const expected = prepared.length * eventsPerRelationship + report.acknowledged;
    if (events !== expected)
      throw new Error(`${side.name} at ${connections} connections: ${events} events in the log, ${expected} expected`);
  }
  rmSync(directory, { recursive: true });
  return { ...report, cpuPerCommand };
}

interface MeasuredRun extends LoadReport {
  /** Of the server, in µs; NaN where it is not known. */
  readonly cpuPerCommand: number;
}

interface Measured {
  readonly side: Side;
  readonly connections: number;
  readonly reports: MeasuredRun[];
}

const ratesOf = ({ reports }: Measured) => reports.map(({ perSecond }) => perSecond);

/** Of a process in Linux: its ticks of 10 ms, of the user and of the system, are fields 14 and 15 (proc(5)). */
function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return NaN;
  }
}

function cpuOf({ reports }: Measured): string {
  const cpu = median(reports.map(({ cpuPerCommand }) => cpuPerCommand));
  return Number.isNaN(cpu) ? '' : cpu.toFixed(0);
}

/** The median of each round's own ratio, the ledger's to the naive server and the traced one's to the ledger: what the machine does meanwhile hits neighbours in time alike. */
function ratioOf({ side, connections, reports }: Measured, measured: readonly Measured[]): number | undefined {
  const compared = side === ledger ? naive : side === traced ? ledger : undefined;
  const other = measured.find((each) => each.side === compared && each.connections === connections);
  if (!other) return undefined;
  return median(reports.map(({ perSecond }, round) => perSecond / other.reports[round]!.perSecond));
}

try {
  console.log(`Preparing ${values.relationships} relationships of ${eventsPerRelationship} events each`);
  const prepared = await prepare(Number(values.relationships));
  const measured = levels.flatMap((connections) =>
    [raw, naive, ledger, ...(values.tracing ? [traced] : [])].map((side): Measured => ({
      side,
      connections,
      reports: [],
    })),
  );
  for (let round = 1; round <= rounds; round++)
    // Alternating, so that neither side always runs second.
    for (const { side, connections, reports } of round % 2 ? measured : measured.toReversed()) {
      const report = await measure(side, connections, prepared);
      reports.push(report);
      console.log(
        `round ${round}: ${side.name}, ${connections} connections: ${Math.round(report.perSecond)}/s, ` +
          `p50 ${report.p50Ms.toFixed(2)} ms, p99 ${report.p99Ms.toFixed(1)} ms; ${report.acknowledged} acknowledged` +
          (side === raw ? '' : ', all of them in the log') +
          (Number.isNaN(report.cpuPerCommand) ? '' : `; ${Math.round(report.cpuPerCommand)} µs of CPU a command`),
      );
    }
  console.log(`\nMedian of ${rounds} rounds of ${measureMs / 1000} s after ${warmUpMs / 1000} s of warm-up\n`);
  console.log(
    table(
      ['server', 'connections', 'commands/s', 'min - max', 'p50 ms', 'p99 ms', 'µs CPU', 'ratio'],
      measured.map((each) => [
        each.side.name,
        String(each.connections),
        figure(median(ratesOf(each))),
        `${figure(Math.min(...ratesOf(each)))} - ${figure(Math.max(...ratesOf(each)))}`,
        median(each.reports.map(({ p50Ms }) => p50Ms)).toFixed(2),
        median(each.reports.map(({ p99Ms }) => p99Ms)).toFixed(1),
        cpuOf(each),
        ratioOf(each, measured)?.toFixed(2).concat('x') ?? '',
      ]),
    ),
  );
  report(
    measured.map((each): Result => {
      const ratio = ratioOf(each, measured);
      return {
        bench: 'http commands',
        name: `${each.side.name}, ${each.connections} connections`,
        rates: ratesOf(each),
        ...(ratio === undefined
          ? {}
          : { ratio, ...(each.connections === 64 ? { target: each.side === traced ? 0.85 : 1.7 } : {}) }),
      };
    }),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
