import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { eventually } from '../eventually.js';
import { launchTestPeer, type TestPeerProcess } from '../test-peer/process.js';
import { kurrentdbStore, type JourneyStore } from './journey-store.js';
import {
  eventsOf,
  isOfTimekeeper,
  overdueBook,
  overduePerCustomer,
  problemsOf,
  untilRecorded,
} from './overdue-book.js';
import { runServer, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

// Two servers over one log, which is in a database (the test peer): one of them keeps time.

const customers = 20;
const everything = customers * overduePerCustomer;

let directory: string;
let peer: TestPeerProcess;
let store: JourneyStore;
let log: EventStore;
const running: RunningServer[] = [];

const start = async (name: string, env: Readonly<Record<string, string>>) => {
  const server = await runServer({ dataDirectory: join(directory, name), store, env });
  running.push(server);
  return server;
};
const elections = async () =>
  (await log.read('timekeeper')).map(({ type, data }) => ({ type, ...(data as { readonly holder: string }) }));
const recorded = async (server: RunningServer) =>
  new Set((await eventsOf(server)).filter(isOfTimekeeper).map(({ commandid }) => commandid)).size;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-timekeeper-'));
  peer = await launchTestPeer();
  store = await kurrentdbStore(peer.connectionString, join(directory, 'keys'));
  log = openKurrentdbEventStore({
    connectionString: peer.connectionString,
    streamPrefix: store.env['LEDGER_STREAM_PREFIX']!,
    allowInsecure: true,
  });
  // Much is overdue before anybody keeps time.
  await overdueBook(await start('first', { TIMEKEEPER: 'off' }), customers);
});
afterEach(async () => {
  await log.close();
  await Promise.all(running.splice(0).map((server) => server.killAtOnce()));
  await peer.kill();
  rmSync(directory, { recursive: true, force: true });
});

describe('of two servers that keep time', () => {
  it('one does, until it is frozen for longer than its lease; and when it goes on, nothing is done twice', async () => {
    const env = { TIMEKEEPER_RATE: '20', TIMEKEEPER_LEASE_SECONDS: '2' };
    const servers = [await start('here', env), await start('there', env)];
    const holder = await holderAmong(servers);
    const other = servers.find((server) => server !== holder)!;
    const { holder: frozen } = (await elections()).at(-1)!;

    holder.child.kill('SIGSTOP');
    await overdueBook(other, 2);
    await eventually('another holder', async () => (await elections()).at(-1)!.holder !== frozen);
    // Two believe to be the holder now.
    holder.child.kill('SIGCONT');
    for (const server of servers) await untilRecorded(server);

    const events = await eventsOf(other);
    expect(problemsOf(events)).toEqual([]);
    expect(await recorded(other)).toBe(everything + 2 * overduePerCustomer);
    for (const server of running.splice(0)) await server.stop();
    expect(await runTool('integrity', [], store.env)).toMatchObject({ code: 0 });
  });

  it('the other takes over at once from one that stops, and neither writes anything while nothing is due', async () => {
    const env = { TIMEKEEPER_RATE: '20', TIMEKEEPER_LEASE_SECONDS: '86400' };
    const servers = [await start('here', env), await start('there', env)];
    const holder = await holderAmong(servers);
    const other = servers.find((server) => server !== holder)!;
    await eventually('a server that stands by', async () => (await timekeeperOf(other)).status === 'standby');
    await holder.stop();
    await untilRecorded(other);

    const all = await elections();
    expect(all.map(({ type }) => type)).toEqual(['TimekeeperElected', 'TimekeeperReleased', 'TimekeeperElected']);
    expect(all[1]!.holder).toBe(all[0]!.holder);
    expect(all[2]!.holder).not.toBe(all[0]!.holder);
    expect(problemsOf(await eventsOf(other))).toEqual([]);

    // What is due from now on is recorded without another election.
    await overdueBook(other, 1);
    await untilRecorded(other);
    expect(await recorded(other)).toBe(everything + overduePerCustomer);
    expect(await elections()).toEqual(all);
  });
});

const timekeeperOf = async (server: RunningServer) => (await server.get('/health/ready', { as: null })).body.timekeeper;

/** The one that was elected last. */
async function holderAmong(servers: readonly RunningServer[]): Promise<RunningServer> {
  await eventually('an election', async () => (await elections()).length > 0);
  const { holder } = (await elections()).at(-1)!;
  let elected: RunningServer | undefined;
  // A server says so in its log right after the event.
  await eventually('the server that was elected', () => {
    elected = servers.find((server) => server.output().includes(holder));
    return elected !== undefined;
  });
  return elected!;
}
