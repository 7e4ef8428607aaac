import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';

// node bin/run.mjs PROGRAM [ARGUMENTS]: compiles what has changed since the last time, then runs a program of dist in this
// process. The scripts of package.json start programs by it, in words that every system's shell understands.

const root = resolve(import.meta.dirname, '..');
const compiled = join(root, 'dist', 'tsconfig.build.tsbuildinfo');
const sources = [
  'apps',
  'bench',
  'libs',
  'test',
  'openapi.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isStale() {
  const since = changedAt(compiled);
  const isNewer = (path) => changedAt(path) > since;
  return (
    since === 0 ||
    sources.some((source) => {
      const path = join(root, source);
      return (
        isNewer(path) ||
        (statSync(path).isDirectory() &&
          readdirSync(path, { recursive: true, withFileTypes: true }).some(
            // A folder changes when a file in it comes or goes.
            (entry) =>
              (entry.isDirectory() || /(?<!\.spec)\.ts$/.test(entry.name)) &&
              isNewer(join(entry.parentPath, entry.name)),
          ))
      );
    })
  );
}

function compile() {
  process.stderr.write('Compiling what has changed …\n');
  node('libs/client/write-api.mjs');
  const startedAt = new Date();
  node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  // The compiler leaves the file as it is where nothing but a date has changed.
  utimesSync(compiled, startedAt, startedAt);
}

function node(...args) {
  // Standard output is the program's alone.
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

/** npm runs a script in a shell and passes a signal on to that alone: the shell ends, and its program would be left behind. */
function endWithShell() {
  const shell = process.ppid;
  setInterval(() => {
    if (process.ppid === shell) return;
    process.kill(process.pid, 'SIGTERM');
  }, 100).unref();
}

const program = join(root, 'dist', process.argv[2]);
if (isStale()) compile();
if (process.env.npm_lifecycle_event && process.platform !== 'win32') endWithShell();
process.argv.splice(1, 2, program);
await import(pathToFileURL(program).href);
