import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

const portable = /^[\w .:/@=-]+( && [\w .:/@=-]+)*$/;

/** What a word after `&&` may be: a program that npm finds on every system. */
const programs = ['node', 'npm', 'tsc', 'eslint', 'prettier'];

it.each(Object.entries(scripts))('%s is written in words that every shell understands: %s', (_name, script) => {
  // cmd.exe has no quotes but ", no variables before a command, no substitution and none of the Unix tools.
  expect(script).toMatch(portable);
  for (const command of script.split(' && ')) expect(programs).toContain(command.split(' ')[0]);
});

it('finds shell syntax in such a script', () => {
  for (const script of ["node -e '1'", '[ -f x ] || node x', 'node $(x)', 'node x; node y', 'node ~/x', 'node x > y'])
    expect(script).not.toMatch(portable);
});

it('runs programs whose sources are there', () => {
  const run = Object.values(scripts).flatMap((script) => [...script.matchAll(/bin\/run\.mjs (\S+)\.js/g)]);
  expect(run.length).toBeGreaterThan(10);
  for (const [, program] of run) expect([program, existsSync(`${program}.ts`)]).toEqual([program, true]);
});
