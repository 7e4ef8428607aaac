import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { noPreviousHash, type SealedEvent } from '#event-sourcing';
import { storeProcess, temporaryDirectory } from './store-process.js';

const command = fileURLToPath(new URL('../../dist/apps/ledger/src/main.js', import.meta.url));

let directory: ReturnType<typeof temporaryDirectory>;
let server: ReturnType<typeof storeProcess>;

beforeEach(async () => {
  directory = temporaryDirectory();
  server = storeProcess('obey', directory.events);
  await server.answer();
  const events = await server.tell<SealedEvent[]>('sealed', 'a', 0, noPreviousHash, 5);
  await server.tell('append', 'a', events, -1);
});
afterEach(async () => {
  await server.kill();
  directory.remove();
});

describe('npm run integrity', () => {
  it('finds nothing in a whole log, while the server runs', async () => {
    const { code, output, errors } = await integrity(['--data-dir', directory.path]);
    expect([code, errors]).toEqual([0, '']);
    const [sum, unseen] = output.trimEnd().split('\n');
    expect(sum).toBe('5 events of 1 streams checked, up to position 5: all of them are as they were written.');
    expect(unseen).toMatch(
      /^No check of this log alone can notice that its newest events were removed together with every trace of them/,
    );
    // And the server has not noticed.
    const more = await server.tell<SealedEvent[]>('sealed', 'b', 0, noPreviousHash, 1);
    expect(await server.tell('append', 'b', more, -1)).toEqual({ revision: 0, position: 6 });
    expect(await integrity([], { DATA_DIR: directory.path })).toMatchObject({ code: 0 });
  });

  it('finds one byte that was changed in a copy', async () => {
    const copy = join(directory.path, 'copy');
    mkdirSync(copy);
    for (const file of readdirSync(directory.path).filter((name) => /\.sqlite(-wal)?$/.test(name)))
      copyFileSync(join(directory.path, file), join(copy, file));
    const database = new Database(join(copy, 'events.sqlite'));
    database.exec(`DROP TRIGGER events_are_never_changed; UPDATE events SET data = replace(data, '"by":3', '"by":4')`);
    database.close();

    const { code, output } = await integrity(['--data-dir', copy]);

    expect(code).toBe(1);
    expect(output).toContain(
      'hashMismatch: The event was changed: its content has another hash (stream a, revision 3, position 4)\n',
    );
    expect(output).toContain(
      'triggerMissing: The trigger events_are_never_changed is missing: events can be changed\n',
    );
    expect(output).toContain('5 events of 1 streams checked, up to position 5: 2 findings.\n');
    expect(await integrity(['--data-dir', directory.path])).toMatchObject({ code: 0 });
  });

  it('says that it could not check a directory without a log', async () => {
    const { code, output, errors } = await integrity(['--data-dir', '/nowhere']);

    expect([code, output]).toEqual([2, '']);
    expect(errors).toContain('/nowhere');
    expect(errors.trim().split('\n')).toHaveLength(1);
  });
});

function integrity(args: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [command, 'integrity', ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => (output += String(text)));
  child.stderr.on('data', (text) => (errors += String(text)));
  return new Promise<{ code: number | null; output: string; errors: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, output, errors })),
  );
}
