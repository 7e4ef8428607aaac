import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./store-child.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../dist/libs/event-store-sqlite/src/index.js', import.meta.url));

export type StoreTask = 'load' | 'obey' | 'lock' | 'thread' | 'idle' | 'integrity';

/** A process of its own with an event store, from the built code. It ends with the test that calls `kill`. */
export function storeProcess(task: StoreTask, path: string, environment: Record<string, string> = {}) {
  if (!existsSync(built)) throw new Error('Fault tests run the built code: npm run build');
  const child: ChildProcess = fork(program, [task, path], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // When its pipes are empty, not only when it has ended.
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));

  return {
    pid: child.pid!,
    output: () => output,
    errors: () => errors,
    ended,
    /** The next message of the process. @throws Error when it says that something failed, or ends */
    async answer<T>(): Promise<T> {
      const message = await Promise.race([
        new Promise<{ result: T; failure?: { name: string; message: string } }>((resolve) =>
          child.once('message', resolve as never),
        ),
        ended.then((code) => {
          throw new Error(`The process has ended with ${code}: ${errors}`);
        }),
      ]);
      if (message.failure) throw Object.assign(new Error(message.failure.message), { name: message.failure.name });
      return message.result;
    },
    async tell<T>(order: string, ...given: unknown[]): Promise<T> {
      const answer = this.answer<T>();
      child.send({ order, given });
      return answer;
    },
    async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
      child.kill(signal);
      await ended;
    },
  };
}

/** A directory of its own for one test. */
export function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'store-faults-'));
  return { path, events: join(path, 'events.sqlite'), remove: () => rmSync(path, { recursive: true, force: true }) };
}
