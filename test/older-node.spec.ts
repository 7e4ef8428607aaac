import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
const needed = Number(/\d+/.exec(engines.node)![0]);

const versionOf = (node: string) => {
  const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return status === 0 ? Number(/^v(\d+)/.exec(stdout)?.[1]) : Infinity;
};

/** A Node of this machine that is older than the one that the programs need. */
const older = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((directory) => !directory.includes('node_modules'))
  .map((directory) => join(directory, 'node'))
  .find((node) => versionOf(node) < needed);

const programs = ['apps/server/src/main.js', 'apps/ledger/src/main.js'];

describe(older ? 'an older Node' : `an older Node (skipped: this machine has none before ${needed})`, () => {
  (older ? it.each(programs) : it.skip.each(programs))('is refused in one line by %s', (program) => {
    const { status, stdout, stderr } = spawnSync(older!, [resolve('dist', program)], { encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([
      78,
      '',
      expect.stringMatching(new RegExp(`^[^\\n]*needs Node ${needed} [^\\n]*npm start[^\\n]*\\n$`)),
    ]);
  });
});

it('what is needed is what the project brings along', () => {
  expect(Number.parseInt(process.versions.node, 10)).toBeGreaterThanOrEqual(needed);
});
