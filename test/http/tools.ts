import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { compiledCode } from '../compiled-code.js';

export type Tool = 'token' | 'keys' | 'clock' | 'integrity' | 'due' | 'rebuild' | 'projector';

/** Runs a verb of the command line as npm does, without npm. */
export async function runTool(tool: Tool, args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [resolve('dist/apps/ledger/src/main.js'), tool, ...args], {
    env: { PATH: process.env['PATH'], ...compiledCode, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const read: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (read.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (read.stderr += String(chunk)));
  await once(child, 'close');
  return { ...read, code: child.exitCode };
}
