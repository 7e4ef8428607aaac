import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commands, governance } from './commands.js';
import { relationshipCodec } from './event-codec.js';
import { businessRules, rulesOfEveryCommand } from './rules.js';
import { customerRelationship } from './customer-relationship.js';

const folder = resolve('libs/customer-relationship/src');
const nouns = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && name !== 'rules.ts')
  .map((name) => readFileSync(resolve(folder, name), 'utf8'));

/** The rules that a text names: `Rules S2, S4–S6` are four. What corrects a rule, such as R26a, stands in its sentence. */
function rulesIn(text: string): string[] {
  return [...text.matchAll(/\b([RSVCG])(\d+)(?![\da-z])(?:–[RSVCG]?(\d+))?/g)].flatMap(([, letter, from, to]) =>
    Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, index) => `${letter}${Number(from) + index}`),
  );
}

/** What the comment above a command's decision says. */
function saidOf(command: string): string {
  const found = nouns
    .map(
      (source) =>
        new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*\\n  ${command}: \\{\\s*(?:right|//|\\.\\.\\.)`).exec(source)?.[1],
    )
    .find((text) => text !== undefined);
  return found ?? '';
}

describe('The rules that govern a command', () => {
  it('are at least those that the comment of its decision names', () => {
    const named = Object.keys(commands).map((command) => [command, rulesIn(saidOf(command))] as const);
    for (const [command, rules] of named)
      expect({ command, missing: rules.filter((rule) => !isGoverned(command, rule)) }).toEqual({
        command,
        missing: [],
      });
    // The comments are found at all.
    expect(named.filter(([, rules]) => rules.length > 0).length).toBeGreaterThan(20);
  });

  const isGoverned = (command: string, rule: string) =>
    (governance(command)!.rules as readonly string[]).includes(rule);

  it('are all the rules, each governing some command', () => {
    const used = new Set<string>([...rulesOfEveryCommand, ...Object.values(commands).flatMap(({ rules }) => rules)]);
    expect([...used].sort()).toEqual(Object.keys(businessRules).sort());
    const numbers = { R: 29, S: 21, V: 11, C: 5, G: 12 };
    const found = Object.keys(businessRules);
    // Found later: under the number of the rule that they add to, or of dates.
    expect(found.filter((number) => !/^[RSVCG]\d+$/.test(number))).toEqual([
      'V5a',
      'V7a',
      'G4a',
      'G6a',
      'G8a',
      'G8b',
      'P1',
      'T1a',
      'T3',
      'D1',
    ]);
    expect(found.filter((number) => /^[RSVCG]\d+$/.test(number))).toEqual(
      Object.entries(numbers).flatMap(([letter, last]) =>
        Array.from({ length: last }, (_, index) => `${letter}${index + 1}`),
      ),
    );
  });

  it('stand once each, and say what the command is about in events that there are', () => {
    for (const [command, { rules, emits, brings = [] }] of Object.entries(commands)) {
      expect({ command, twice: rules.length - new Set(rules).size }).toEqual({ command, twice: 0 });
      for (const event of [...emits, ...brings]) expect(relationshipCodec.schemaOf(event)).toBeGreaterThan(0);
    }
    // Every event is emitted by some command, or follows from one that is.
    const said = new Set<string>(Object.values(commands).flatMap(({ emits }) => emits));
    const consequences = Object.keys(customerRelationship.evolve).filter((event) => !said.has(event));
    expect(consequences.sort()).toEqual([
      'DelegatedAdminActivated',
      'DelegatedAdminPrivilegesRevoked',
      'ScheduledChangesDiscarded',
      'SoftwarePurchaseCancelled',
    ]);
    const brought = new Set<string>(Object.values(commands).flatMap(({ brings = [] }) => brings));
    expect(consequences.filter((event) => !brought.has(event))).toEqual([]);
  });

  it('are undefined for an unknown command', () => {
    expect(governance('DoSomethingElse')).toBeUndefined();
  });
});
