import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { compiledCode } from '../compiled-code.js';
import { patienceMs } from '../eventually.js';
import type { ServerRules } from './call-context.js';

const main = resolve('dist/test/test-peer/main.js');

export interface TestPeerProcessOptions {
  readonly port?: number | readonly number[] | undefined;
  readonly nodes?: 1 | 3 | undefined;
  /** Without a file the log is gone with the process. */
  readonly data?: string | undefined;
  /** A directory with certificates, made when missing. */
  readonly tls?: string | undefined;
  readonly users?: Readonly<Record<string, string>> | undefined;
  readonly rules?: ServerRules | undefined;
  readonly electionTime?: number | undefined;
  /** How long it goes on serving after `stop`, in ms (default 200). */
  readonly grace?: number | undefined;
}

/** The built test peer in a process of its own, which ends with this one. */
export interface TestPeerProcess {
  /** The same after a restart. */
  readonly connectionString: string;
  readonly child: () => ChildProcess;
  /** Sends it a command of `commands.ts`, and gives its answer. @throws Error when that is an error */
  readonly send: (command: string) => Promise<string>;
  /** SIGKILL: no handler runs. */
  readonly kill: () => Promise<void>;
  /** SIGTERM: serves for the grace, then ends its streams. */
  readonly stop: () => Promise<void>;
  /** SIGSTOP: the kernel goes on accepting connections, and nothing answers. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** On the same port, and on the same log if that has a file; after `kill` or `stop`. */
  readonly restart: () => Promise<void>;
}

/** Started and ready. @throws Error with what it said when it is not ready within 20 s */
export async function launchTestPeer(options: TestPeerProcessOptions = {}): Promise<TestPeerProcess> {
  if (!existsSync(main)) throw new Error(`${main} is missing: npm run build`);
  let running = await launch(options, options.port);
  const { connectionString } = running;
  const ports = [...connectionString.matchAll(/(?:127\.0\.0\.1|localhost):(\d+)/g)].map(([, port]) => Number(port));

  const end = async (signal: NodeJS.Signals) => {
    const { child, closed } = running;
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    // A stopped process takes SIGKILL at once, but SIGTERM only when it goes on.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await closed;
  };
  return {
    connectionString,
    child: () => running.child,
    send: (command) => running.send(command),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    freeze: () => void running.child.kill('SIGSTOP'),
    thaw: () => void running.child.kill('SIGCONT'),
    async restart() {
      running = await launch(options, ports);
    },
  };
}

async function launch(options: TestPeerProcessOptions, port: TestPeerProcessOptions['port']) {
  const child = spawn(process.execPath, [main, ...flagsOf({ ...options, ...(port !== undefined && { port }) })], {
    env: { PATH: process.env['PATH'], ...compiledCode },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  const closed = once(child, 'close');
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // A command that comes after its end is answered by its end.
  child.stdin?.on('error', () => {});
  const answers: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => answers.shift()?.(line));

  const answer = () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    answers.push(resolve);
    return Promise.race([
      promise,
      closed.then(() => {
        throw new Error(`The test peer has ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
      }),
    ]);
  };
  const late = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  const ready = await answer().finally(() => clearTimeout(late));
  return {
    child,
    closed,
    connectionString: /esdb:\S+/.exec(ready)?.[0] ?? '',
    async send(command: string): Promise<string> {
      const answered = answer();
      child.stdin?.write(`${command}\n`);
      const line = await answered;
      if (line.startsWith('error: ')) throw new Error(`The test peer was sent "${command}" and answers: ${line}`);
      return line;
    },
  };
}

function flagsOf({
  users = {},
  port,
  nodes,
  data,
  tls,
  rules,
  electionTime,
  grace = 200,
}: TestPeerProcessOptions): string[] {
  const flags = {
    '--port': port,
    '--nodes': nodes,
    '--data': data,
    '--tls': tls,
    '--rules': rules,
    '--election-time': electionTime,
    '--grace': grace,
  };
  return [
    ...Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)])),
    ...Object.entries(users).flatMap(([name, password]) => ['--user', `${name}:${password}`]),
  ];
}
