import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { edited, guideIn, isTest } from './guide.js';

// Carries out every guide of docs/guides in a scratch copy of this checkout, and counts the files that its reader writes.
// `npm run guides -- [NAME …]`; the copy stays with --keep.

const root = process.cwd();
const guides = join(root, 'docs/guides');
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const scratch = scratchCopy();
let failed = 0;
try {
  for (const file of readdirSync(guides).sort()) {
    const name = file.replace(/\.md$/, '');
    if (names.length > 0 && !names.includes(name)) continue;
    try {
      console.log(`${name}: ${carryOut(readFileSync(join(guides, file), 'utf8'))}`);
    } catch (error) {
      failed++;
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    git('reset', '--quiet', '--hard');
    git('clean', '--quiet', '-d', '--force');
  }
} finally {
  if (process.argv.includes('--keep')) console.log(scratch);
  else rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

/** What git knows of this checkout, as it stands, with what is installed and built. */
function scratchCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'guides-'));
  const known = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of known.toString().split('\0').filter(Boolean)) {
    if (!existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(root, path), join(copy, path), { verbatimSymlinks: true });
  }
  // Hard links where the file system allows it: nothing of a guide writes into them.
  const modules = join(root, 'node_modules');
  if (spawnSync('cp', ['-al', modules, copy], { stdio: 'ignore' }).status !== 0) {
    rmSync(join(copy, 'node_modules'), { recursive: true, force: true });
    execFileSync('cp', ['-a', modules, copy]);
  }
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['commit', '--quiet', '--no-verify', '--message', 'Begin'],
  ])
    execFileSync('git', ['-c', 'user.name=guide', '-c', 'user.email=guide@example.test', ...args], { cwd: copy });
  return copy;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: scratch, encoding: 'utf8' });
}

function carryOut(markdown: string): string {
  const { steps, bounds } = guideIn(markdown);
  const written = new Map<string, 'edited' | 'new'>();
  for (const step of steps) {
    if (step.kind === 'run') {
      run(step.text, step.failure);
      continue;
    }
    const path = join(scratch, step.path);
    if (step.kind === 'new') {
      if (existsSync(path)) throw new Error(`${step.path} is there already`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${step.text}\n`);
      written.set(step.path, 'new');
    } else {
      writeFileSync(path, edited(readFileSync(path, 'utf8'), step));
      if (!written.has(step.path)) written.set(step.path, 'edited');
    }
  }
  const count = {
    production: [...written].filter(([path, how]) => how === 'edited' && !isTest(path)).length,
    tests: [...written].filter(([path, how]) => how === 'edited' && isTest(path)).length,
    new: [...written.values()].filter((how) => how === 'new').length,
  };
  const said = `${count.production} files of production and ${count.tests} of tests edited, ${count.new} new`;
  if (bounds && (count.production > bounds.production || count.tests > bounds.tests || count.new > bounds.new))
    throw new Error(`${said}, more than it promises`);
  return said;
}

function run(commands: string, failure: string | undefined): void {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: scratch,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = `${stdout}${stderr}`;
  if (failure === undefined && status !== 0) throw new Error(`"${commands}" fails:\n${output.slice(-4000)}`);
  if (failure !== undefined && status === 0) throw new Error(`"${commands}" succeeds, though it lacks a step`);
  if (failure !== undefined && !output.includes(failure))
    throw new Error(`"${commands}" does not say "${failure}":\n${output.slice(-4000)}`);
}
