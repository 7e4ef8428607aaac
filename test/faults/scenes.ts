import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { embeddedKey } from '#http';
import { partner } from '../../bench/histories.js';
import { freePort, startServer, untilCaughtUp, type ServerProcess } from '../server-process.js';
import { said, startWith } from './projector-process.js';
import { launchTestPeer, type TestPeerProcess } from '../test-peer/process.js';

/** What a test of a struck server waits for at most. */
export const patienceMs = 120_000;

/** What can befall the servers and their database: each strikes and, after a moment, makes it good again. */
export type Strikes = Readonly<Record<string, () => Promise<void>>>;

/** Servers that run, and what can befall them. */
export interface Scene {
  /** Each server keeps its address when it is started again. */
  readonly urls: readonly string[];
  /** The directory of the secrets. */
  readonly keys: string;
  readonly dataDirectories: readonly string[];
  readonly strikes: Strikes;
  /** Rejects with what a process has said when it ends though nobody has asked it to. */
  readonly broken: Promise<never>;
  readonly openLog: () => EventStore;
  /** How many appends the servers that run now have sent again to their database. */
  readonly resentAppends: () => Promise<number>;
  /** When the views have caught up, as servers are asked to; what does not end well is thrown. */
  readonly stop: () => Promise<void>;
  readonly killAll: () => Promise<void>;
}

export type SetUp = (directory: string) => Promise<Scene>;

/** One server on its file. */
export async function overSqlite(directory: string): Promise<Scene> {
  const dataDirectory = join(directory, 'data');
  const servers = await runServers([dataDirectory], () => ({}));
  return {
    ...servers.scene,
    keys: join(dataDirectory, 'keys'),
    strikes: { 'the server is killed': () => servers.kill(0) },
    openLog: () => openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true }),
    resentAppends: () => Promise.resolve(0),
  };
}

/** Two servers over a database: the one that LEDGER_EVENT_STORE_URL names, which is not ours to strike, or the test peer. */
export async function overKurrentdb(directory: string): Promise<Scene> {
  const url = process.env['LEDGER_EVENT_STORE_URL'];
  const peer = url === undefined ? await launchTestPeer({ data: join(directory, 'log') }) : undefined;
  const servers = await serversOver(url ?? peer!.connectionString, directory, 2);
  return {
    ...servers.scene,
    strikes: {
      'the first server is killed': () => servers.kill(0),
      'the second server is killed': () => servers.kill(1),
      'both servers are killed': () => servers.kill(0, 1),
      ...(peer && {
        'the database is killed': () => killed(peer),
        'a server and the database are killed': async () => void (await Promise.all([servers.kill(0), killed(peer)])),
      }),
    },
    async killAll() {
      await servers.scene.killAll();
      await peer?.kill();
    },
  };
}

/** One server over a test peer that something befalls. */
export function overTestPeer(nodes: 1 | 3, strikes: (peer: TestPeerProcess) => Strikes): SetUp {
  return async (directory) => {
    const peer = await launchTestPeer({ nodes, data: join(directory, 'log') });
    const { scene } = await serversOver(peer.connectionString, directory, 1);
    return {
      ...scene,
      strikes: strikes(peer),
      async killAll() {
        await scene.killAll();
        await peer.kill();
      },
    };
  };
}

/**
 * Two servers over three nodes that lose their majority and get it back: the nodes run on, are not ready, and end their
 * streams one by one. The views of the first are kept by a thread of it, those of the second by a process of its own.
 */
export function overLostMajorities(lostForMs: number): SetUp {
  return async (directory) => {
    const peer = await launchTestPeer({ nodes: 3, data: join(directory, 'log') });
    const { scene, environment } = await serversOver(peer.connectionString, directory, 2, { projectorBeside: 1 });
    const dataDirectory = scene.dataDirectories[1]!;
    const projector = startWith({ ...environment, DATA_DIR: dataDirectory, LOG_LEVEL: 'info' }, 'projector');
    const watched = watchedEnds();
    watched.watch('The projector', projector);
    await said(projector, 'projecting');
    return {
      ...scene,
      broken: Promise.race([scene.broken, watched.broken]),
      strikes: {
        async 'it loses its majority'() {
          await peer.send('lose majority');
          await sleep(lostForMs);
          await peer.send('regain majority');
        },
      },
      async stop() {
        await scene.stop();
        watched.expect(projector);
        projector.child.kill('SIGTERM');
        await projector.exited;
        if (projector.child.exitCode !== 0)
          throw new Error(`The projector has ended with ${projector.child.exitCode}:\n${projector.output()}`);
      },
      async killAll() {
        watched.expect(projector);
        projector.child.kill('SIGKILL');
        await scene.killAll();
        await peer.kill();
      },
    };
  };
}

/** The time between the end of a process and its next start. */
const outage = () => sleep(Math.random() * 500);

async function killed(peer: TestPeerProcess): Promise<void> {
  await peer.kill();
  await outage();
  await peer.restart();
}

async function serversOver(
  connectionString: string,
  directory: string,
  count: number,
  { projectorBeside }: { readonly projectorBeside?: number } = {},
) {
  const keys = join(directory, 'keys');
  mkdirSync(keys);
  await embeddedKey(join(keys, 'token-key.json'));
  writeFileSync(join(keys, 'ledger-secret'), 'ab'.repeat(32));
  const streamPrefix = `Scene-${Math.random().toString(36).slice(2, 10)}.`;
  const dataDirectories = Array.from({ length: count }, (_, index) => join(directory, `server-${index}`));
  const metricsPorts = await Promise.all(dataDirectories.map(() => freePort()));
  const environment = {
    EVENT_STORE: 'kurrentdb',
    LEDGER_EVENT_STORE_URL: connectionString,
    LEDGER_STREAM_PREFIX: streamPrefix,
    ALLOW_INSECURE_EVENTSTORE: 'true',
  };
  const { kill, scene } = await runServers(dataDirectories, (index) => ({
    ...environment,
    KEYS_DIR: keys,
    METRICS_PORT: String(metricsPorts[index]),
    ...(index === projectorBeside ? { PROJECTOR: 'off' } : {}),
  }));
  return {
    kill,
    environment,
    scene: {
      ...scene,
      keys,
      openLog: () => openKurrentdbEventStore({ connectionString, streamPrefix, allowInsecure: true }),
      resentAppends: async () =>
        (await Promise.all(metricsPorts.map(resentAppends))).reduce((sum, each) => sum + each, 0),
    },
  };
}

async function runServers(
  dataDirectories: readonly string[],
  envOf: (index: number) => Readonly<Record<string, string>>,
) {
  const ports = await Promise.all(dataDirectories.map(() => freePort()));
  const { broken, watch, expect } = watchedEnds();
  const start = async (index: number) => {
    const server = await startServer(
      {
        dataDirectory: dataDirectories[index]!,
        partners: [partner],
        port: ports[index]!,
        env: envOf(index),
      },
      'live',
    );
    watch(`Server ${index}`, server);
    return server;
  };
  const servers: ServerProcess[] = [];
  for (const index of dataDirectories.keys()) servers.push(await start(index));
  return {
    /** Pulls the plug of servers and starts them again on their data. */
    async kill(...indexes: readonly number[]) {
      await Promise.all(indexes.map((index) => expect(servers[index]!).killAtOnce()));
      await outage();
      for (const index of indexes) servers[index] = await start(index);
    },
    scene: {
      broken,
      urls: servers.map(({ url }) => url),
      dataDirectories,
      async stop() {
        for (const server of servers) await untilCaughtUp(server);
        for (const server of servers) {
          await expect(server).stop();
          if (server.child.exitCode !== 0)
            throw new Error(`A server has ended with ${server.child.exitCode}:\n${server.output()}`);
        }
      },
      killAll: async () => void (await Promise.all(servers.map((server) => expect(server).killAtOnce()))),
    },
  };
}

type Watched = Pick<ServerProcess, 'child' | 'exited' | 'output'>;

/** Processes that are not to end by themselves. */
function watchedEnds() {
  const expected = new Set<Watched>();
  const { promise: broken, reject } = Promise.withResolvers<never>();
  // A caller that waits gets it; otherwise it is checked at the end.
  broken.catch(() => undefined);
  return {
    broken,
    watch(name: string, process: Watched) {
      void process.exited.then(() => {
        const { exitCode, signalCode } = process.child;
        if (!expected.has(process))
          reject(new Error(`${name} has ended with ${exitCode ?? signalCode}:\n${process.output().slice(-4_000)}`));
      });
    },
    /** From now on it may end. */
    expect<P extends Watched>(process: P): P {
      expected.add(process);
      return process;
    },
  };
}

async function resentAppends(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^ledger_store_resent_appends_total (\d+)$/m.exec(metrics)![1]);
}
