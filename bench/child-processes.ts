import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadOrder, LoadReport } from './load-generator.js';

/** A file of the benches in a process of its own, which has said that it is ready. */
export async function forked(file: string, ...args: string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
  if (first !== 'ready') throw new Error(`${file} has ended with ${String(first)}`);
  return child;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** One run of the load generator. @throws Error for an answer that it does not accept */
export async function generated(order: LoadOrder): Promise<LoadReport> {
  const generator = await forked('load-generator.js');
  generator.send(order);
  const [{ report, error }] = (await once(generator, 'message')) as [{ report: LoadReport; error?: string }];
  await ended(generator);
  if (error !== undefined) throw new Error(error);
  return report;
}
