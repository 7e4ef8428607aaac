// Appends through the embedded store against what better-sqlite3 does by hand in the same run: one event a transaction,
// the same table, the same durability, its text made beforehand. Rounds are interleaved, so noise falls on all rows.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { noPreviousHash, noStream, sealer, type SealedEvent } from '#event-sourcing';
import { openSqliteEventStore } from '#event-store-sqlite';
import { figure, median, report, table, type Result } from './results.js';

// Stores take events of any form.
const seal = sealer(() => undefined);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    events: { type: 'string', default: '3000' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(values.rounds);
const eventsInRound = Number(values.events);
const streams = 500;

interface Contestant {
  /** Appends the events; answers when they are durable. */
  append(events: readonly Planned[]): Promise<void>;
  close(): Promise<void>;
}

interface Planned {
  readonly stream: string;
  readonly expectedRevision: number;
  readonly event: SealedEvent;
  readonly data: string;
  readonly metadata: string;
}

interface Row {
  readonly name: string;
  readonly target?: number;
  readonly open: (path: string) => Contestant;
}

const rows: readonly Row[] = [
  { name: 'better-sqlite3, one event a transaction', open: byHand },
  { name: 'store, one at a time', target: 0.85, open: (path) => throughStore(path, 1) },
  { name: 'store, 32 in flight', target: 2, open: (path) => throughStore(path, 32) },
  { name: 'store, 64 in flight', open: (path) => throughStore(path, 64) },
];

const directory = mkdtempSync(join(values.dir, 'bench-event-store-'));
const contestants = rows.map(({ open, ...row }, index) => ({
  ...row,
  ...open(join(directory, `${index}.sqlite`)),
  rates: [] as number[],
}));
try {
  // A server spends its life with a write-ahead log that has been full once: writing over a file is half again as fast
  // here as making it longer, and only the first 64 MiB after a start do that.
  const filler = planned(-2, 1, 'x'.repeat(1024 * 1024))[0]!;
  for (const { append } of contestants)
    for (let revision = 0; revision < 70; revision++)
      await append([{ ...filler, stream: 'filler', expectedRevision: revision - 1 }]);
  await new Promise((resolve) => setTimeout(resolve, 2_000));

  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round++) {
    const events = planned(round, eventsInRound);
    for (const { append, rates } of contestants) {
      const started = performance.now();
      await append(events);
      if (round >= 0) rates.push((eventsInRound / (performance.now() - started)) * 1000);
    }
  }
} finally {
  for (const { close } of contestants) await close();
  rmSync(directory, { recursive: true });
}

console.log(
  `Durable appends of one event to ${streams} streams, ${eventsInRound} a round, median [min - max] of ${rounds} interleaved rounds; ` +
    `Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`,
);
// Of the same round: two neighbours in time share what else the machine does.
const results = contestants.map(({ name, target, rates }, index): Result => {
  const ratio = median(rates.map((rate, round) => rate / contestants[0]!.rates[round]!));
  return {
    bench: 'event store',
    name,
    rates,
    ...(index === 0 ? {} : { ratio }),
    ...(target === undefined ? {} : { target }),
  };
});
console.log(
  table(
    ['appends', 'events/s', 'min - max', 'of by hand', 'target'],
    results.map(({ name, rates, ratio, target }) => [
      name,
      figure(median(rates)),
      `${figure(Math.min(...rates))} - ${figure(Math.max(...rates))}`,
      ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
      target === undefined ? '' : `${target.toFixed(2)}x`,
    ]),
  ),
);
report(results);

function byHand(path: string): Contestant {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(`CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, revision INTEGER NOT NULL,
    id TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL, UNIQUE (stream, revision)) STRICT`);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const last = database.prepare('SELECT max(revision) FROM events WHERE stream = ?').pluck();
  const insert = database.prepare(
    'INSERT INTO events (stream, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const commit = database.prepare('COMMIT');
  return {
    async append(events) {
      for (const { stream, expectedRevision, event, data, metadata } of events) {
        begin.run();
        if (((last.get(stream) as number | null) ?? noStream) !== expectedRevision) throw new Error('Conflict');
        insert.run(stream, expectedRevision + 1, event.id, event.type, data, metadata);
        commit.run();
      }
    },
    async close() {
      database.close();
    },
  };
}

function throughStore(path: string, inFlight: number): Contestant {
  const store = openSqliteEventStore({ path });
  return {
    async append(events) {
      let next = 0;
      await Promise.all(
        Array.from({ length: inFlight }, async () => {
          // Events of one stream lie further apart than there are appends in flight, so they keep their order.
          for (let at = next++; at < events.length; at = next++) {
            const { stream, event, expectedRevision } = events[at]!;
            await store.append(stream, [event], expectedRevision);
          }
        }),
      );
    },
    close: () => store.close(),
  };
}

function planned(round: number, count: number, note?: string): readonly Planned[] {
  return Array.from({ length: count }, (_, index) => {
    const stream = `relationship-${round}-${index % streams}`;
    const revision = Math.floor(index / streams);
    const [event] = seal(stream, revision, noPreviousHash, [
      {
        type: 'SubscriptionSuspended',
        data: {
          subscriptionId: `sub-${index}`,
          reason: 'nonPayment',
          suspendedAt: '2026-03-01T12:34:56.789Z',
          ...(note ? { note } : {}),
        },
        metadata: {
          actor: { id: 'user-17', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
          causationId: '0198f0a2-0000-7000-8000-000000000001',
          commandHash: 'c'.repeat(64),
          commandId: `0198f0a2-0000-7000-8000-${String(index).padStart(12, '0')}`,
          correlationId: '0198f0a2-0000-7000-8000-000000000001',
          policy: { name: 'standard', hash: 'd'.repeat(64) },
          recordedAt: '2026-03-01T12:34:56.789Z',
          schema: 1,
        },
      },
    ]);
    const { data, metadata } = event!;
    return {
      stream,
      expectedRevision: revision - 1,
      event: event!,
      data: JSON.stringify(data),
      metadata: JSON.stringify(metadata),
    };
  });
}
