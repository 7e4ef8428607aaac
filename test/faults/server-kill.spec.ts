import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readLedger, type RecordedEvent } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { viewsFileIn } from '#projector';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { partner } from '../../bench/histories.js';
import { freePort, startServer, untilCaughtUp, type ServerProcess } from '../server-process.js';
import { callersOf, logOf, type Callers } from './callers.js';
import { contents, replay } from './projector-process.js';
import { problemsOfChains, problemsOfRecord } from './records.js';

// The promise behind the whole ledger: what has been acknowledged is there, once, whatever happens to the server, and a
// caller who was left without an answer gets the one that counts by asking again under the same key, now and for ever.

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
    const token = await tokensOf(join(dataDirectory, 'keys', 'token-key.json'));
    callers = callersOf({ urls: [server.url], token });
    await callers.establish();

    const { working, rest } = callers.work();
    try {
      for (let round = 0; round < rounds; round++) {
        // Not before there is something to lose, and never at the same place.
        const enough = callers.told.size + 60;
        while (callers.told.size < enough) await Promise.race([working, sleep(20)]);
        await Promise.race([working, sleep(Math.random() * 500)]);
        await server.killAtOnce();
        server = await start();
      }
      await Promise.race([working, sleep(300)]);
    } catch (error) {
      callers.giveUp();
      await rest().catch(() => undefined);
      throw error;
    }
    await rest();

    await callers.askAll();

    // Otherwise nothing was under way when the server died, and the rest of this would prove nothing.
    expect(callers.counts.unanswered).toBeGreaterThan(rounds);
    const told = [...callers.told.values()];
    expect(told.filter(({ firstWasReplay }) => firstWasReplay)).not.toEqual([]);
    expect(told.filter(({ first }) => first.status === 409)).not.toEqual([]);
    await untilCaughtUp(server);
    await server.stop();
    expect(server.child.exitCode).toBe(0);
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
    log = await logOf(store);
    await store.close();
  }, 180_000);

  it('has given one answer to each key, however often it was asked', () => {
    expect(callers.differences).toEqual([]);
  });

  it('has recorded every command once, accepted or refused, as it was told to the caller', () => {
    expect(problemsOfRecord(log, callers)).toEqual([]);
  });

  it('has gapless revisions and whole hash chains', () => {
    expect(problemsOfChains(log)).toEqual([]);
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
