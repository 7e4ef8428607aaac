// How fast the history is sent over HTTP, against reading the same log through the store's port without sending it, in the same run;
// and how long after a command was sent its event has arrived at one and at many live readers. Rounds are interleaved, so
// noise falls on all rows. The server is a process of its own; readers share this one with the bench, and count.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { ledgerClient } from '#client';
import { tokensOf } from '../apps/demo/src/tokens.js';
import { startServer, untilCaughtUp } from '../test/server-process.js';
import { admin, eventsPerRelationship, partner, prepareRelationships } from './histories.js';
import { figure, median, report, table } from './results.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    events: { type: 'string', default: '20000' },
    readers: { type: 'string', default: '1,50' },
    commands: { type: 'string', default: '300' },
  },
});
const rounds = Number(values.rounds);
const levels = values.readers.split(',').map(Number);
/** As many streams as a caller may have open. */
const perCaller = 10;

const dataDirectory = mkdtempSync(join(tmpdir(), 'bench-history-'));
const started = () =>
  startServer({ dataDirectory, partners: [partner], env: { RATE_LIMIT: '0', MAX_LIVE_STREAMS: '1000' } });
// The first start makes the keys and the log.
await (await started()).stop();
const writer = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
const relationships = await prepareRelationships(writer, Math.ceil(Number(values.events) / eventsPerRelationship));
await writer.close();
const server = await started();
const token = await tokensOf(join(dataDirectory, 'keys', 'token-key.json'));
await untilCaughtUp(server);

async function answer(query: string, accept: string, reader: number): Promise<IncomingMessage> {
  const id = `reader-${Math.floor(reader / perCaller)}`;
  const request = get(`${server.url}/v1/events?${query}`, {
    headers: { accept, authorization: `Bearer ${await token({ ...admin, id })}` },
    agent: false,
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} for reader ${reader}`);
  return response;
}

const newline = 10;
function newlinesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count++;
  return count;
}

/** Reads the whole history as lines, and counts them. */
async function readLines(reader: number): Promise<number> {
  let events = 0;
  for await (const chunk of await answer('', 'application/x-ndjson', reader)) events += newlinesIn(chunk as Buffer);
  return events;
}

/** Reads the live history up to a position, and counts its events: of four lines each. */
async function readFeed(reader: number, until: number): Promise<number> {
  const response = await answer('', 'text/event-stream', reader);
  let lines = 0;
  let last = '';
  for await (const chunk of response) {
    lines += newlinesIn(chunk as Buffer);
    last = (last + (chunk as Buffer).toString('latin1')).slice(-8 * 1024);
    const id = [...last.matchAll(/\nid: (\d+);/g)].at(-1)?.[1];
    if (Number(id) >= until && last.endsWith('\n\n')) break;
  }
  response.destroy();
  return Math.floor(lines / 4);
}

async function subscribeOnly(): Promise<number> {
  const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
  let count = 0;
  for await (const { events, caughtUp } of store.subscribe({ after: 0, signal: new AbortController().signal })) {
    count += events.length;
    if (caughtUp) break;
  }
  await store.close();
  return count;
}

/** How long after the sending of a command its answer, and its event at every reader, has come: in ms. */
async function latencies(readers: number, commands: number) {
  const sentAt = new Map<string, number>();
  const answers: number[] = [];
  const arrivals: number[] = [];
  const page = await fetch(`${server.url}/v1/events?limit=1`, {
    headers: { authorization: `Bearer ${await token(admin)}` },
  });
  const head = page.headers.get('ledger-position')!;
  const seen = new Map<string, number[]>();
  const responses = await Promise.all(
    Array.from({ length: readers }, async (_, reader) => {
      const response = await answer(`after=${encodeURIComponent(head)}`, 'text/event-stream', reader);
      let text = '';
      response.on('data', (chunk: Buffer) => {
        const now = performance.now();
        text += chunk.toString('latin1');
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) {
          const position = block.includes('\ndata: ') ? /^id: (\d+);/.exec(block)?.[1] : undefined;
          if (position) seen.set(position, [...(seen.get(position) ?? []), now]);
        }
      });
      return response;
    }),
  );
  const client = ledgerClient({ baseUrl: server.url, token: () => token(admin) });
  for (let turn = 0; turn < commands; turn++) {
    const { customerId, subscriptionId } = relationships[turn % relationships.length]!;
    const at = performance.now();
    const { data } = await client.send(
      { type: 'ChangeSubscriptionQuantity', data: { subscriptionId, quantity: quantity++ } },
      { customerId, idempotencyKey: `bench-${quantity}` },
    );
    answers.push(performance.now() - at);
    sentAt.set(data.position, at);
    await sleep(5);
  }
  for (let left = 400; left > 0 && [...sentAt.keys()].some((at) => seen.get(at)?.length !== readers); left--)
    await sleep(25);
  for (const response of responses) response.destroy();
  for (const [position, at] of sentAt) {
    const times = seen.get(position) ?? [];
    if (times.length !== readers) throw new Error(`${times.length} of ${readers} readers have seen ${position}`);
    arrivals.push(...times.map((time) => time - at));
  }
  return { answers, arrivals };
}
let quantity = 10_000;

function quantile(numbers: readonly number[], part: number): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!.toFixed(1);
}

try {
  const head = await (async () => {
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
    const position = await store.head();
    await store.close();
    return position;
  })();
  const counts = (read: (reader: number) => Promise<number>, readers: number) => async () =>
    (await Promise.all(Array.from({ length: readers }, (_, reader) => read(reader)))).reduce((sum, each) => sum + each);
  const rows = [
    { name: 'through the store, to nobody', run: subscribeOnly, rates: [] as number[] },
    ...levels.flatMap((readers) => [
      { name: `NDJSON, ${readers} readers`, run: counts(readLines, readers), rates: [] as number[] },
      {
        name: `SSE of the past, ${readers} readers`,
        run: counts((reader) => readFeed(reader, head), readers),
        rates: [] as number[],
      },
    ]),
  ];
  for (let round = 0; round < rounds; round++)
    for (const { run, rates } of rows) {
      const startedAt = performance.now();
      const events = await run();
      rates.push((1000 * events) / (performance.now() - startedAt));
    }
  const limit = median(rows[0]!.rates);
  report(rows.map(({ name, rates }) => ({ bench: 'history-feed', name, rates, ratio: median(rates) / limit })));
  console.log(
    `A history of ${figure(relationships.length * eventsPerRelationship)} events, sent to all readers together; median of ${rounds} rounds; load ${loadavg()[0]!.toFixed(1)}\n`,
  );
  console.log(
    table(
      ['history', 'events/s', 'min - max', 'ratio'],
      rows.map(({ name, rates }) => [
        name,
        figure(median(rates)),
        `${figure(Math.min(...rates))} - ${figure(Math.max(...rates))}`,
        (median(rates) / limit).toFixed(2),
      ]),
    ),
  );
  const lines: string[][] = [];
  for (const readers of levels) {
    const { answers, arrivals } = await latencies(readers, Number(values.commands));
    for (const [what, of] of [
      ['answer', answers],
      ['event at every reader', arrivals],
    ] as const)
      lines.push([`${readers} live readers: ${what}`, quantile(of, 0.5), quantile(of, 0.99), quantile(of, 1)]);
  }
  console.log(`\nFrom the sending of a command on, ms; load ${loadavg()[0]!.toFixed(1)}\n`);
  console.log(table(['', 'p50', 'p99', 'max'], lines));
} finally {
  await server.stop();
  rmSync(dataDirectory, { recursive: true });
}
