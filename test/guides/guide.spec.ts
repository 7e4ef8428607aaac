import { describe, expect, it } from '@jest/globals';
import { edited, guideIn, isTest } from './guide.js';

const block = (...lines: string[]) => ['```ts', ...lines, '```'].join('\n');

describe('A guide', () => {
  it('is read as its steps and the bound of its files', () => {
    const markdown = [
      '<!-- at most: 2 production, 1 tests, 0 new -->',
      '<!-- in a.ts, before: } -->',
      block('  one,', '  two,'),
      '<!-- new b.ts -->',
      block('three'),
      '<!-- fails with: a.ts -->',
      block('npm run types'),
      '<!-- run -->',
      block('npm test'),
    ].join('\n\n');
    expect(guideIn(markdown)).toEqual({
      bounds: { production: 2, tests: 1, new: 0 },
      steps: [
        { kind: 'edit', path: 'a.ts', where: 'before', anchor: '}', text: '  one,\n  two,' },
        { kind: 'new', path: 'b.ts', text: 'three' },
        { kind: 'run', text: 'npm run types', failure: 'a.ts' },
        { kind: 'run', text: 'npm test' },
      ],
    });
  });

  it.each([
    ['a step that it does not know', `<!-- delete a.ts -->\n\n${block('')}`, 'does not know the step "delete a.ts"'],
    ['a step without a block', '<!-- run -->\n\nnothing', 'No block follows'],
  ])('is refused for %s', (_, markdown, message) => {
    expect(() => guideIn(markdown)).toThrow(message);
  });
});

describe('An edit', () => {
  const step = { kind: 'edit', path: 'a.ts', anchor: 'two', text: '2' } as const;

  it.each([
    ['before', 'one\n2\ntwo\nthree'],
    ['after', 'one\ntwo\n2\nthree'],
    ['instead of', 'one\n2\nthree'],
  ] as const)('goes %s its line', (where, after) => {
    expect(edited('one\ntwo\nthree', { ...step, where })).toBe(after);
  });

  it('looks for its line below another', () => {
    const below = { ...step, below: 'one', where: 'instead of' } as const;
    expect(edited('two\none\ntwo\ntwo', below)).toBe('two\none\n2\ntwo');
    expect(() => edited('two\none', below)).toThrow('No line of a.ts contain "two"');
    expect(() => edited('two', below)).toThrow('No line of a.ts contain "one"');
    expect(guideIn('<!-- in a.ts, below one, instead of: two -->\n\n```ts\n2\n```').steps).toEqual([below]);
  });

  it('is refused where its line is missing, or not the only one', () => {
    expect(() => edited('one', { ...step, where: 'before' })).toThrow('No line of a.ts contain "two"');
    expect(() => edited('two\ntwo', { ...step, where: 'before' })).toThrow('2 lines of a.ts contain "two"');
  });
});

it('counts specs, their kits and the examples of events as tests', () => {
  expect(
    ['libs/a/src/b.spec.ts', 'libs/a/src/test-rights.ts', 'libs/a/src/testing.ts', 'test/model/model.ts'].every(isTest),
  ).toBe(true);
  expect(['libs/a/src/events.ts', 'apps/server/src/commands/relationship.ts'].some(isTest)).toBe(false);
});
