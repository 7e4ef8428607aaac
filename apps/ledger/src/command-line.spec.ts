import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { commandLine, usageOf, verbsBelow } from './command-line.js';
import { completionOf, shells } from './completion.js';

const program = commandLine();
const verbs = verbsBelow(program).filter((verb) => verb.commands.length === 0);

describe('the help', () => {
  it.each(verbs.map((verb) => [usageOf(verb), verb] as const))(
    'of %s says what it does, and all that it takes',
    (_, verb) => {
      const help = verb.helpInformation();
      expect(verb.description()).not.toBe('');
      for (const { long, description } of verb.options)
        expect([help, description]).toEqual([expect.stringContaining(long!), expect.stringMatching(/\w/)]);
    },
  );

  it('names every verb', () => {
    const names = 'start token clock keys integrity due rebuild projector demo completion'.split(' ');
    expect(program.commands.map((verb) => verb.name())).toEqual(names);
  });
});

describe('completion in bash', () => {
  /** What a real bash offers after these words. */
  const offers = (...words: readonly string[]) => {
    const script = `${completionOf(program, 'bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ledger; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', 'ledger', ...words], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  };
  const here = spawnSync('bash', ['--version']).status === 0;

  (here ? it : it.skip).each([
    [['t'], ['token']],
    [
      ['clock', ''],
      ['show', 'agree', '--help'],
    ],
    [['clock', 'show', '--j'], ['--json']],
    [
      ['keys', '--renew'],
      ['--renew-token-key', '--renew-ledger-secret'],
    ],
    [['token', '--role', 'Aud'], ['Auditor']],
    [['token', '--role', 'Auditor', '--par'], ['--partner']],
    [['token', '--user', 'clock', '--ro'], ['--role']],
    [['completion', 'f'], ['fish']],
  ])('of ledger %j (skipped where there is no bash)', (words, offered) => {
    expect(offers(...words)).toEqual(offered);
  });
});

it.each(shells)('the completion of %s knows every verb and every option', (shell) => {
  const script = completionOf(program, shell);
  for (const verb of verbs) {
    expect(script).toContain(verb.name());
    for (const { long } of verb.options) expect(script).toContain(long!);
  }
});
