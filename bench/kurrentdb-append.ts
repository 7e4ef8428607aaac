// The store on EventStoreDB against its bare client (jsonEvent, explicit revision, BatchAppend; `for await` over
// readStream and subscribeToAll), both against one test peer in a process of its own. Rounds are interleaved, so noise
// falls on all rows. The peer is not EventStoreDB: what is measured is what a caller pays beside the client.
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { EventStoreDBClient, jsonEvent, streamNameFilter } from '@eventstore/db-client';
import { noPreviousHash, sealer, type SealedEvent } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { launchTestPeer } from '../test/test-peer/process.js';
import { figure, median, report, table, type Result } from './results.js';

// Stores take events of any form.
const seal = sealer(() => undefined);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '3000' },
    log: { type: 'string', default: '20000' },
  },
});
const rounds = Number(values.rounds);
const eventsInRound = Number(values.events);
const eventsInLog = Number(values.log);
const streams = 500;
const prefix = 'bench.';
const longStream = 'long';

interface Planned {
  readonly stream: string;
  readonly expectedRevision: number;
  readonly event: SealedEvent;
}

interface Case {
  readonly name: string;
  readonly events: number;
  readonly bare: (planned: readonly Planned[]) => Promise<unknown>;
  readonly store: (planned: readonly Planned[]) => Promise<unknown>;
}

const peer = await launchTestPeer();
const client = EventStoreDBClient.connectionString(peer.connectionString);
const store = openKurrentdbEventStore({
  connectionString: peer.connectionString,
  allowInsecure: true,
  streamPrefix: prefix,
});

const appendBare = ({ stream, event, expectedRevision }: Planned) =>
  client.appendToStream(`bare.${stream}`, jsonEvent(event as never), {
    expectedRevision: expectedRevision < 0 ? 'no_stream' : BigInt(expectedRevision),
  });
const appendThroughStore = ({ stream, event, expectedRevision }: Planned) =>
  store.append(stream, [event], expectedRevision);

// What is read first is not yet mixed with what is appended later, which a head would have to be searched in.
const cases: readonly Case[] = [
  {
    name: `read a stream of ${figure(eventsInLog)}`,
    events: eventsInLog,
    async bare() {
      let read = 0;
      for await (const { event } of client.readStream(prefix + longStream)) if (event) read++;
      return mustBe(read, eventsInLog);
    },
    async store() {
      return mustBe((await store.read(longStream)).length, eventsInLog);
    },
  },
  {
    name: `catch up with ${figure(eventsInLog)}`,
    events: eventsInLog,
    async bare() {
      const filter = streamNameFilter({ prefixes: [prefix + longStream] });
      const subscription = client.subscribeToAll({ filter });
      let read = 0;
      for await (const { event } of subscription) if (event && ++read === eventsInLog) break;
      await subscription.unsubscribe();
    },
    async store() {
      const ending = new AbortController();
      let read = 0;
      for await (const { events } of longLog.subscribe({ after: 0, signal: ending.signal }))
        if ((read += events.length) >= eventsInLog) ending.abort();
      return mustBe(read, eventsInLog);
    },
  },
  ...[1, 100].map((inFlight): Case => ({
    name: inFlight === 1 ? 'append, one at a time' : `append, ${inFlight} in flight`,
    events: eventsInRound,
    bare: (planned) => inLanes(planned, inFlight, appendBare),
    store: (planned) => inLanes(planned, inFlight, appendThroughStore),
  })),
];

/** Sees that one stream only, so that it reads what the bare subscription reads. */
const longLog = openKurrentdbEventStore({
  connectionString: peer.connectionString,
  allowInsecure: true,
  streamPrefix: prefix + longStream,
});

const measured = cases.map((each) => ({ ...each, bareRates: [] as number[], storeRates: [] as number[] }));
try {
  for (let revision = 0; revision < eventsInLog; revision += 500) {
    const events = sealedAt(longStream, revision, Math.min(500, eventsInLog - revision));
    await store.append(longStream, events, revision - 1);
  }
  for (const [index, { events, bareRates, storeRates, ...run }] of measured.entries())
    // The first round warms up and does not count.
    for (let round = -1; round < rounds; round++) {
      const planned = plannedFor(`${round}-${index}`);
      // Who goes first has the peer at its freshest: they take turns.
      for (const contestant of round % 2 === 0 ? (['bare', 'store'] as const) : (['store', 'bare'] as const)) {
        const started = performance.now();
        await run[contestant](planned);
        const rate = (events / (performance.now() - started)) * 1000;
        if (round >= 0) (contestant === 'bare' ? bareRates : storeRates).push(rate);
      }
    }
} finally {
  await store.close();
  await longLog.close();
  await client.dispose();
  await peer.kill();
}

console.log(
  `Events per second through the store on EventStoreDB and through its bare client, median [min - max] of ${rounds} interleaved rounds; ` +
    `Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}\n` +
    'Measured on the test peer: a relation between two callers, nothing about EventStoreDB.',
);
const results = measured.flatMap(({ name, bareRates, storeRates }): Result[] => [
  { bench: 'kurrentdb (test peer)', name: `bare client, ${name}`, rates: bareRates },
  {
    bench: 'kurrentdb (test peer)',
    name: `store, ${name}`,
    rates: storeRates,
    // Of the same round: two neighbours in time share what else the machine does.
    ratio: median(storeRates.map((rate, round) => rate / bareRates[round]!)),
    target: 0.8,
  },
]);
console.log(
  table(
    ['', 'events/s', 'min - max', 'of bare', 'target'],
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
// The channels of the client outlive it for a while.
process.exit();

async function inLanes(
  planned: readonly Planned[],
  lanes: number,
  append: (planned: Planned) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      // Events of one stream lie further apart than there are appends in flight, so they keep their order.
      for (let at = next++; at < planned.length; at = next++) await append(planned[at]!);
    }),
  );
}

function plannedFor(round: string): readonly Planned[] {
  return Array.from({ length: eventsInRound }, (_, index) => {
    const stream = `relationship-${round}-${index % streams}`;
    const revision = Math.floor(index / streams);
    return { stream, expectedRevision: revision - 1, event: sealedAt(stream, revision, 1)[0]! };
  });
}

/** 245 bytes of data each, and the metadata of the ledger. */
function sealedAt(stream: string, revision: number, count: number): readonly SealedEvent[] {
  return seal(
    stream,
    revision,
    noPreviousHash,
    Array.from({ length: count }, (_, index) => ({
      type: 'SubscriptionSuspended',
      data: {
        subscriptionId: `sub-${String(revision + index).padStart(8, '0')}`,
        reason: 'nonPayment',
        suspendedAt: '2026-03-01T12:34:56.789Z',
        note: 'x'.repeat(139),
      },
      metadata: {
        actor: { id: 'user-17', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
        causationId: '0198f0a2-0000-7000-8000-000000000001',
        commandHash: 'c'.repeat(64),
        commandId: `0198f0a2-0000-7000-8000-${String(revision + index).padStart(12, '0')}`,
        correlationId: '0198f0a2-0000-7000-8000-000000000001',
        policy: { name: 'standard', hash: 'd'.repeat(64) },
        recordedAt: '2026-03-01T12:34:56.789Z',
        schema: 1,
      },
    })),
  );
}

function mustBe(found: number, expected: number): void {
  if (found !== expected) throw new Error(`${found} events instead of ${expected}`);
}
