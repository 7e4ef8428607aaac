import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readLedger, type RecordedEvent } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { viewsFileIn } from '#projector';
import { LedgerClient } from '../../apps/demo/src/ledger-client.js';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { partner } from '../../bench/histories.js';
import { freePort, startServer, untilCaughtUp, type ServerProcess } from '../server-process.js';
import { callersOf, expectEachCommandOnce, expectWholeChains, relationshipEvents, type Callers } from './callers.js';
import { contents, replay } from './projector-process.js';

// The promise behind the whole ledger: what has been acknowledged is there, once, whatever happens to the server, and a
// caller who was left without an answer gets the one that counts by asking again under the same key.

const rounds = 6;

const directory = mkdtempSync(join(tmpdir(), 'server-kill-'));
const dataDirectory = join(directory, 'data');
let server: ServerProcess | undefined;
afterAll(async () => {
  await server?.killAtOnce();
  rmSync(directory, { recursive: true, force: true });
});

describe('a server that is killed again and again under load', () => {
  let callers: Callers;
  let log: readonly RecordedEvent[] = [];

  it('answers every command in the end', async () => {
    const port = await freePort();
    const start = () => startServer({ dataDirectory, partners: [partner], port }, 'live');
    server = await start();
    let retries = 0;
    const token = await tokensOf(join(dataDirectory, 'keys', 'token-key.json'));
    callers = callersOf([new LedgerClient({ url: server.url, token, onRetry: () => retries++ })]);
    await callers.establish();

    const { working, rest } = callers.work();
    try {
      for (let round = 0; round < rounds; round++) {
        // Long enough for hundreds of commands, and never at the same place.
        await Promise.race([working, sleep(300 + Math.random() * 900)]);
        await server.killAtOnce();
        server = await start();
      }
      await Promise.race([working, sleep(300)]);
    } finally {
      await rest();
    }

    // Otherwise nothing was under way when the server died, and the rest of this would prove nothing.
    expect(retries).toBeGreaterThan(rounds);
    const replayed = [...callers.acknowledged.values()].filter(
      ({ headers }) => headers.get('Idempotent-Replayed') === 'true',
    );
    expect(replayed).not.toEqual([]);
    await untilCaughtUp(server);
    await server.stop();
    expect(server.child.exitCode).toBe(0);
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
    log = await relationshipEvents(store);
    await store.close();
  }, 60_000);

  it('has recorded every acknowledged command once, as it was told to the caller', () => {
    expectEachCommandOnce(log, callers.acknowledged);
  });

  it('has gapless revisions and whole hash chains', () => {
    expectWholeChains(log);
  });

  it('has views that equal a replay of the whole log', async () => {
    const replayed = join(directory, 'replayed.sqlite');
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
    await replay(store, replayed, await store.head(), (await readLedger(store))!.ledgerId);
    await store.close();

    const served = contents(viewsFileIn(dataDirectory));
    expect(served).toEqual(contents(replayed));
    expect(Object.values(served).filter((rows) => rows.length > 0).length).toBeGreaterThan(3);
  });
});
