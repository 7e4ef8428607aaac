import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import Database from 'better-sqlite3';
import { tokensOf } from '../apps/demo/src/tokens.js';
import { freePort, startServer, untilCaughtUp } from '../test/server-process.js';
import { ended, forked, generated } from './child-processes.js';
import { admin, partner, prepareRelationships } from './histories.js';
import type { LoadReport } from './load-generator.js';
import { figure, median, report, table, type Result } from './results.js';

// Questions per second over HTTP: one row of a list, a page of 50, and one relationship, of the ledger as it is built and
// configured by default (authentication, rate limit, positions, tags and log included) against Fastify with one read of
// SQLite whose answers are the same texts. With `--root` the built ledger of another checkout runs beside this one.
//
// Rounds are interleaved: what the machine does meanwhile hits all sides. Reads change nothing, so the servers stay up.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,16,64' },
    'warm-up': { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    relationships: { type: 'string', default: '1000' },
    /** Another checkout, built. */
    root: { type: 'string' },
    /** Only the questions whose names contain this. */
    only: { type: 'string', default: '' },
  },
});
const rounds = Number(values.rounds);
const levels = values.connections.split(',').map(Number);
const [warmUpMs, measureMs] = [values['warm-up'], values.seconds].map((seconds) => Number(seconds) * 1000) as [
  number,
  number,
];
const pageSize = 50;
const longestChain = 40;

interface Served {
  readonly port: number;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

interface Side {
  readonly name: string;
  readonly served: Served;
}

interface Question {
  readonly name: string;
  readonly paths: readonly string[];
}

const work = mkdtempSync(join(tmpdir(), 'ledger-reads-'));
const prepared = join(work, 'prepared');
const stops: (() => Promise<void>)[] = [];

/** Fills a data directory. @returns the customers in it */
async function prepare(count: number): Promise<string[]> {
  // The first start makes the keys and the log.
  await (await startServer({ dataDirectory: prepared, partners: [partner] })).stop();
  const store = openSqliteEventStore({ path: eventsFileIn(prepared) });
  const relationships = await prepareRelationships(store, count);
  await store.close();
  return relationships.map(({ customerId }) => customerId);
}

/** The ledger that a checkout has built, over a copy of its own. */
async function ledgerOf(name: string, root: string): Promise<Side> {
  const dataDirectory = join(work, name);
  cpSync(prepared, dataDirectory, { recursive: true });
  const program = join(resolve(root), 'dist/apps/server/src/main.js');
  const server = await startServer({ dataDirectory, partners: [partner], program, env: { LOG_LEVEL: 'info' } });
  stops.push(() => server.stop());
  await untilCaughtUp(server);
  const token = await (await tokensOf(join(dataDirectory, 'keys', 'token-key.json')))(admin);
  return {
    name,
    served: {
      port: server.port,
      pid: server.child.pid!,
      headers: { Authorization: `Bearer ${token}` },
      stop: () => server.stop(),
    },
  };
}

/** One read of SQLite for each request. */
async function rawOf(answers: ReadonlyMap<string, string>): Promise<Side> {
  const file = join(work, 'answers.db');
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE answers (path TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT');
  const insert = database.prepare('INSERT INTO answers (path, body) VALUES (?, ?)');
  database.transaction(() => {
    for (const [path, body] of answers) insert.run(path, body);
  })();
  database.close();
  const port = await freePort();
  const child = await forked('read-server.js', file, String(port));
  stops.push(() => ended(child));
  return { name: raw, served: { port, pid: child.pid!, headers: {}, stop: () => ended(child) } };
}

const raw = 'raw Fastify';
const ours = 'Reseller Ledger';
const other = 'other checkout';

async function answerOf({ served: { port, headers } }: Side, path: string): Promise<Response> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  if (answer.status !== 200) throw new Error(`${path} is answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** Pages from the first one on, each under the address that the one before it has named. */
async function pagesOf(side: Side, first: string): Promise<string[]> {
  const paths: string[] = [];
  for (let path: string | undefined = first; path !== undefined && paths.length < longestChain;) {
    const answer = await answerOf(side, path);
    const { items } = (await answer.json()) as { readonly items: readonly unknown[] };
    if (items.length === pageSize) paths.push(path);
    path = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return paths;
}

/** The time of all processors that a process has had so far, in ms; NaN where the system does not say. */
function cpuMsOf(pid: number): number {
  try {
    const [utime, stime] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13);
    // The kernel counts in hundredths of a second.
    return (Number(utime) + Number(stime)) * 10;
  } catch {
    return NaN;
  }
}

interface Run extends LoadReport {
  /** Of the server, for each request. */
  readonly cpuMs: number;
}

async function measure({ name, served }: Side, question: Question, connections: number): Promise<Run> {
  const { port, headers, pid } = served;
  const before = cpuMsOf(pid);
  const order = { port, connections, warmUpMs: 0, measureMs, headers, paths: question.paths };
  const report = await generated(order).catch((error: unknown) => {
    throw new Error(`${name}, ${question.name} at ${connections} connections`, { cause: error });
  });
  return { ...report, cpuMs: (cpuMsOf(pid) - before) / report.acknowledged };
}

interface Measured {
  readonly side: Side;
  readonly question: Question;
  readonly connections: number;
  readonly runs: Run[];
}

const ratesOf = ({ runs }: Measured) => runs.map(({ perSecond }) => perSecond);

/** The median of each round's own ratio. */
function ratioTo(name: string, one: Measured, measured: readonly Measured[]): number | undefined {
  const to = measured.find(
    ({ side, question, connections }) =>
      side.name === name && question === one.question && connections === one.connections,
  );
  if (!to || one.side.name !== ours) return undefined;
  return median(one.runs.map(({ perSecond }, round) => perSecond / to.runs[round]!.perSecond));
}

const shownRatio = (ratio: number | undefined) => ratio?.toFixed(2).concat('x') ?? '';

try {
  console.log(`Preparing ${values.relationships} relationships`);
  const customers = await prepare(Number(values.relationships));
  const ledger = await ledgerOf(ours, '.');
  const questions: Question[] = [
    { name: 'one list row', paths: customers.map((id) => `/v1/customers?customerId=${id}`) },
    { name: `a page of ${pageSize}`, paths: await pagesOf(ledger, `/v1/items?limit=${pageSize}`) },
    { name: 'one relationship', paths: customers.map((id) => `/v1/customers/${id}/reseller-relationship`) },
  ].filter(({ name }) => name.includes(values.only));
  const answers = new Map<string, string>();
  for (const path of questions.flatMap(({ paths }) => paths))
    answers.set(path, await (await answerOf(ledger, path)).text());
  const sides = [
    await rawOf(answers),
    ...(values.root === undefined ? [] : [await ledgerOf(other, values.root)]),
    ledger,
  ];
  const measured = questions.flatMap((question) =>
    levels.flatMap((connections) => sides.map((side): Measured => ({ side, question, connections, runs: [] }))),
  );
  for (const side of sides)
    for (const { paths } of questions) {
      const { port, headers } = side.served;
      await generated({ port, connections: 16, warmUpMs, measureMs: 0, headers, paths });
    }
  for (let round = 1; round <= rounds; round++)
    // Back and forth, so that no side always runs after another.
    for (const { side, question, connections, runs } of round % 2 ? measured : measured.toReversed()) {
      const run = await measure(side, question, connections);
      runs.push(run);
      console.log(
        `round ${round}: ${side.name}, ${question.name}, ${connections} connections: ${figure(run.perSecond)}/s, ` +
          `p50 ${run.p50Ms.toFixed(2)} ms, p99 ${run.p99Ms.toFixed(1)} ms, CPU ${run.cpuMs.toFixed(3)} ms`,
      );
    }
  console.log(`\nMedian of ${rounds} rounds of ${measureMs / 1000} s\n`);
  console.log(
    table(
      [
        'question',
        'connections',
        'server',
        'answers/s',
        'min - max',
        'p50 ms',
        'p99 ms',
        'CPU ms',
        'to raw',
        'to other',
      ],
      measured.map((each) => [
        each.question.name,
        String(each.connections),
        each.side.name,
        figure(median(ratesOf(each))),
        `${figure(Math.min(...ratesOf(each)))} - ${figure(Math.max(...ratesOf(each)))}`,
        median(each.runs.map(({ p50Ms }) => p50Ms)).toFixed(2),
        median(each.runs.map(({ p99Ms }) => p99Ms)).toFixed(1),
        median(each.runs.map(({ cpuMs }) => cpuMs)).toFixed(3),
        shownRatio(ratioTo(raw, each, measured)),
        shownRatio(ratioTo(other, each, measured)),
      ]),
    ),
  );
  report(
    measured.map((each): Result => {
      const ratio = ratioTo(raw, each, measured);
      return {
        bench: 'reads',
        name: `${each.side.name}, ${each.question.name}, ${each.connections} connections`,
        rates: ratesOf(each),
        ...(ratio === undefined ? {} : { ratio }),
      };
    }),
  );
} finally {
  await Promise.all(stops.map((stop) => stop()));
  rmSync(work, { recursive: true, force: true });
}
