import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Partner } from '#customer-relationship';
import { compiledCode } from './compiled-code.js';
import { eventually, patienceMs } from './eventually.js';

const main = 'dist/apps/server/src/main.js';

/** The projector as a process of its own, as `npm run projector` runs it. */
export const projectorProcess = { program: 'dist/apps/ledger/src/main.js', args: ['projector'] } as const;

export interface ServerOptions {
  readonly dataDirectory: string;
  readonly partners: readonly Partner[];
  /** A free one unless named. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  /** The server itself unless it is another of its processes. */
  readonly program?: string;
  readonly args?: readonly string[];
}

/** The built server in a process of its own, as `npm start` runs it. */
export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** Resolves when it has ended and been read to the end. */
  readonly exited: Promise<unknown>;
  /** Waits until it has ended by itself. One that never does is killed, so that the test sees what it has said. */
  readonly ended: () => Promise<void>;
  /** Everything it has written so far. */
  readonly output: () => string;
  /** Pulls the plug: no handler runs. */
  readonly killAtOnce: () => Promise<void>;
  /** Asks it to stop, and waits until it has. */
  readonly stop: () => Promise<void>;
}

/**
 * Started and `live` (takes commands) or `ready` (its views have caught up too).
 * @throws Error when it has not come to that in time, with what it said
 */
export async function startServer(options: ServerOptions, until: 'live' | 'ready' = 'ready'): Promise<ServerProcess> {
  const server = await launchServer(options);
  await eventually(
    () => `a server that is ${until}:\n${server.output()}`,
    async () => {
      if (server.child.exitCode !== null || server.child.signalCode !== null)
        throw new Error(
          `The server has ended with ${server.child.exitCode ?? server.child.signalCode}:\n${server.output()}`,
        );
      // The server says where it listens a moment after it does; and who answers at the port may be another's.
      if (!server.output().includes('listens on')) {
        await sleep(20);
        return false;
      }
      const ready = await fetch(`${server.url}/health/ready`, { signal: AbortSignal.timeout(patienceMs) }).catch(
        () => undefined,
      );
      if (ready?.ok) return true;
      // A server without its store answers too, but takes no commands: it knows nothing of its views yet.
      const { views } = ((await ready?.json()) ?? { views: [] }) as { readonly views: readonly unknown[] };
      if (until === 'live' && views.length > 0) return true;
      await sleep(20);
      return false;
    },
  ).catch(async (error: unknown) => {
    await server.killAtOnce();
    throw error;
  });
  return server;
}

/** The same without waiting for it to become ready. */
export async function launchServer({
  dataDirectory,
  partners,
  port,
  env,
  nodeOptions = [],
  program = main,
  args = [],
}: ServerOptions): Promise<ServerProcess> {
  if (!existsSync(resolve(program))) throw new Error(`${program} is missing: npm run build`);
  mkdirSync(dataDirectory, { recursive: true });
  // Beside the data directory, not in it: what is in there is the server's.
  const partnersFile = `${dataDirectory}.partners.json`;
  writeFileSync(partnersFile, JSON.stringify(partners));
  const chosen = port ?? (await freePort());
  const child = spawn(process.execPath, [...nodeOptions, resolve(program), ...args], {
    env: {
      PATH: process.env['PATH'],
      ...compiledCode,
      PORT: String(chosen),
      HOST: '127.0.0.1',
      DATA_DIR: dataDirectory,
      PARTNERS_FILE: partnersFile,
      METRICS_PORT: '',
      LOG_LEVEL: 'warn',
      // Counted and told as ever, but never met by tests and benchmarks that do not ask for it.
      RATE_LIMIT: '1000000000',
      FAILED_TOKEN_LIMIT: '1000000000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)));
  // 'close' comes when the pipes have been read to their end, so that output() is complete.
  const closed = once(child, 'close');
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
  };
  return {
    url: `http://127.0.0.1:${chosen}`,
    port: chosen,
    child,
    exited: closed,
    async ended() {
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await closed;
      clearTimeout(timer);
    },
    output: () => output.join(''),
    killAtOnce: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

/** The views have caught up with everything that was in the log. */
export async function untilCaughtUp({ url, output }: ServerProcess): Promise<void> {
  // What a server has found in the store it answers again for half a second.
  await sleep(600);
  await eventually(
    () => `views that have caught up:\n${output()}`,
    async () => {
      const answer = await fetch(`${url}/health/ready`);
      const { views } = (await answer.json()) as { views?: readonly { eventsBehind: number }[] };
      return answer.ok && views?.every(({ eventsBehind }) => eventsBehind === 0) === true;
    },
  );
}

/**
 * A port for a server that is started a little later. It lies below those that the kernel hands out: otherwise a client
 * beside the test may be given it for its own end of a connection meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
