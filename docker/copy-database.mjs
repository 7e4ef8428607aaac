import { existsSync, fsyncSync, openSync, closeSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

// node docker/copy-database.mjs FROM TO
// Copies events.sqlite or views.sqlite as it is at one instant, also while the server writes to it; a copy by cp would miss
// what is still in the write-ahead log. TO appears when the copy is whole and has been checked.

const [from, to] = process.argv.slice(2);

async function copy() {
  if (!from || !to) throw new Error('Usage: node docker/copy-database.mjs FROM TO');
  if (existsSync(to)) throw new Error(`${to} is there already, and nothing was overwritten. Name another file.`);
  const draft = `${to}.draft`;
  rmSync(draft, { force: true });
  try {
    const source = new Database(from, { readonly: true, fileMustExist: true });
    // All in one step: with several, each write of the server would restart the copy.
    await source.backup(draft, { progress: () => 0x7fffffff });
    source.close();
    const written = new Database(draft);
    const found = written.pragma('quick_check', { simple: true });
    // One file without companions, so that nothing is forgotten when it is carried away; the server changes it back.
    written.pragma('journal_mode = DELETE');
    written.close();
    if (found !== 'ok')
      throw new Error(`The copy is damaged (${found}), so ${from} may be: check it with npm run integrity.`);
    sync(draft);
    renameSync(draft, to);
    sync(dirname(to));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  console.log(`${to} is a copy of ${from}`);
}

function sync(path) {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}

copy().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
