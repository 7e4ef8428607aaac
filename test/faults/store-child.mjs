/* global AbortController, Buffer, setInterval, setTimeout */
// A process with an event store, to be killed. It runs the built code: `npm test` builds first.
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { noPreviousHash, sealer } from '#event-sourcing';
import { checkIntegrity, lockDirectory, openSqliteEventStore } from '#event-store-sqlite';

// Its events are of no catalogue.
const seal = sealer(() => undefined);

/** Whole, and before anything else: the pipe takes nothing while its reader lags. */
function say(text) {
  for (let rest = Buffer.from(text); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const [task, path, option] = process.argv.slice(2);
const streams = 40;
let commands = 0;

const tasks = {
  /** Appends under load for ever; prints `stream revision id` of every event that was acknowledged. */
  async load() {
    const store = openSqliteEventStore({ path, checkpointInterval: 20, walBytes: 512 * 1024 });
    const heads = await Promise.all(
      Array.from({ length: streams }, async (_, index) => (await store.read(`stream-${index}`)).at(-1)),
    );
    await Promise.all(
      heads.map(async (head, index) => {
        const stream = `stream-${index}`;
        let revision = head?.revision ?? -1;
        let previousHash = head?.metadata.hash ?? noPreviousHash;
        for (;;) {
          const events = sealed(stream, revision + 1, previousHash, 1 + (commands % 3));
          const place = await store.append(stream, events, revision);
          // Synchronously: what was acknowledged must be known even if this is the last thing the process does.
          say(events.map(({ id }, at) => `${stream} ${revision + 1 + at} ${id}\n`).join(''));
          revision = place.revision;
          previousHash = events.at(-1).metadata.hash;
        }
      }),
    );
  },

  /** Carries out orders, one message at a time. */
  async obey() {
    const store = openSqliteEventStore({ path });
    const orders = {
      append: ([stream, events, expectedRevision]) => store.append(stream, events, expectedRevision),
      read: ([stream]) => store.read(stream),
      head: () => store.head(),
      metrics: () => store.metrics(),
      sealed: (given) => sealed(...given),
      close: () => store.close(),
    };
    process.on('message', ({ order, given }) => {
      Promise.resolve()
        .then(() => orders[order](given))
        .then(
          (result) => process.send({ result: result ?? null }),
          ({ name, message }) => process.send({ failure: { name, message } }),
        );
    });
    process.send({ result: 'ready' });
  },

  /** Holds the lock of a data directory until it is killed. */
  async lock() {
    try {
      lockDirectory(path);
      process.send({ result: 'locked' });
      setInterval(() => {}, 1_000);
    } catch (error) {
      process.send({ failure: { name: error.name, message: error.message } });
      process.disconnect();
    }
  },

  /** Follows the log in a thread of its own while this one appends; reports how long each event was on its way. */
  async thread() {
    const store = openSqliteEventStore({ path });
    const follower = new Worker(new URL(import.meta.url), { argv: ['follow', path, '1000000'] });
    const arrivals = [];
    let arrived = () => {};
    follower.on('message', (message) => {
      arrivals.push(message);
      arrived();
    });
    const arrival = () =>
      new Promise((resolve) =>
        arrivals.length > 0 ? resolve(arrivals.shift()) : (arrived = () => resolve(arrivals.shift())),
      );
    await arrival();
    const heard = [];
    for (let revision = 0; revision < 20; revision++) {
      await store.append('a', sealed('a', revision, noPreviousHash, 1), revision - 1);
      heard.push(await arrival());
    }
    await follower.terminate();
    await store.close();
    process.send({ result: heard });
    process.disconnect();
  },

  /** Opens stores and leaves them open: nothing of them may keep the process alive. */
  async idle() {
    openSqliteEventStore({ path });
    openSqliteEventStore({ path, readOnly: true });
    await new Promise((resolve) => setTimeout(resolve, 600));
  },

  async integrity() {
    process.send({ result: await checkIntegrity(path) });
    process.disconnect();
  },
};

function sealed(stream, revision, previousHash, count) {
  const commandId = `command-${process.pid}-${++commands}`;
  return seal(
    stream,
    revision,
    previousHash,
    Array.from({ length: count }, (_, index) => ({
      type: 'CounterIncreased',
      data: { by: index, note: 'x'.repeat(200) },
      metadata: {
        actor: { id: 'user-7', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
        causationId: commandId,
        commandHash: 'c'.repeat(64),
        commandId,
        correlationId: commandId,
        policy: { name: 'standard', hash: 'd'.repeat(64) },
        recordedAt: new Date(Date.UTC(2026, 2, 1)).toISOString(),
        schema: 1,
      },
    })),
  );
}

if (isMainThread) await tasks[task]();
else {
  const store = openSqliteEventStore({ path, readOnly: true, pollInterval: Number(option) });
  for await (const { events } of store.subscribe({ after: 0, signal: new AbortController().signal }))
    parentPort.postMessage(events.length);
}
