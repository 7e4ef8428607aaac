import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { pairOf, relationshipCodec } from '#customer-relationship';
import type { EventStore } from '#event-sourcing';
import { openViewsFile, projector } from '#projector';
import { relationshipViews } from '#read-models';
import { compiledCode } from '../compiled-code.js';
import { eventually } from '../eventually.js';

export interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  /** Everything it has written so far. */
  readonly output: () => string;
}

/** A built program in a process of its own. */
export function start(program: 'projector' | 'rebuild', ...args: readonly string[]): Running {
  return startWith({}, program, ...args);
}

/** The same with variables of its environment. */
export function startWith(
  env: Readonly<Record<string, string>>,
  program: 'projector' | 'rebuild',
  ...args: readonly string[]
): Running {
  const path = resolve('dist/apps/ledger/src/main.js');
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run build`);
  return running([path, program, ...args], env);
}

/** A module's text in a process of its own. */
export function startScript(directory: string, text: string): Running {
  const path = join(directory, 'script.mjs');
  writeFileSync(path, text);
  return running([path]);
}

function running(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...compiledCode, ...env },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return { child, exited: once(child, 'close'), output: () => output };
}

/** Waits until it has said something. */
export async function said({ child, output }: Running, what: string): Promise<void> {
  const described = () => `"${what}" of a process that has said:\n${output()}`;
  await eventually(described, () => {
    if (output().includes(what)) return true;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It has ended without ${described()}`);
    return false;
  });
}

/** Every row of every view, without the notes that the projector of a running server makes of what time has changed. */
export function contents(viewsFile: string): Record<string, unknown[]> {
  const database = new Database(viewsFile, { readonly: true });
  try {
    return Object.fromEntries(
      relationshipViews
        .flatMap(({ tables }) => Object.entries(tables))
        .map(([table, { key, passing }]) => {
          const rows = database.prepare(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`).all();
          return [table, passing ? rows.map((row) => withoutNote(row as Row, passing)) : rows];
        }),
    );
  } finally {
    database.close();
  }
}

type Row = Readonly<Record<string, unknown>>;

function withoutNote(row: Row, { into, noted }: { readonly into: string; readonly noted: string }): Row {
  return row[noted] === row[into] ? { ...row, [noted]: '' } : row;
}

/** Builds views of the log up to a position, in one go. */
export async function replay(store: EventStore, viewsFile: string, until: number, ledgerId: string): Promise<void> {
  const views = openViewsFile({ path: viewsFile, projections: relationshipViews, anew: true });
  const upTo: Pick<EventStore, 'subscribe'> = {
    async *subscribe(options) {
      for await (const { events, position } of store.subscribe(options)) {
        const caughtUp = position >= until;
        const due = events.filter((event) => event.position <= until);
        yield { events: due, position: Math.min(position, until), caughtUp };
      }
    },
  };
  const { catchUp } = projector({
    store: upTo,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views,
    projections: relationshipViews,
    ledgerId,
    head: until,
    onTrouble: (error) => {
      throw error;
    },
  });
  await catchUp(new AbortController().signal);
  views.close();
}
