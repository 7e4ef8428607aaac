import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { entityTag, ifMatch, ifNoneMatch, noneMatch, requireMatch, requireUntagged } from './entity-tag.js';
import { idempotencyKey } from './idempotency-key.js';
import { beginOf, ledgerPosition, parseLedgerPosition, parsePosition } from './ledger-position.js';
import { Problem } from './problem.js';
import { correlationId } from './correlation-id.js';

const refusal = (read: () => unknown) => {
  try {
    return { read: read() };
  } catch (error) {
    if (error instanceof Problem) return { code: error.code, ...error.members };
    throw error;
  }
};

describe('an idempotency key', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"abc";made=2026; by="x;\\"y";new', 'abc'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('%s is read as %s', (header, key) => {
    expect(idempotencyKey(header)).toBe(key);
  });

  it.each([
    'a b',
    'ä',
    'x'.repeat(256),
    '""',
    '"a',
    '"a"b"',
    '"a\\b"',
    'a\tb',
    '" "',
    '"a";',
    '"a" ;b',
    '"a";B',
    '"a";b=',
    '"a";b="',
  ])('%j is none', (header) => {
    expect(refusal(() => idempotencyKey(header))).toMatchObject({ code: 'InvalidHeader' });
  });

  it('that is missing is asked for', () => {
    expect(refusal(() => idempotencyKey(undefined))).toMatchObject({ code: 'IdempotencyKeyMissing' });
    expect(refusal(() => idempotencyKey(''))).toMatchObject({ code: 'IdempotencyKeyMissing' });
  });
});

describe('If-Match of a command', () => {
  it('names revisions by the tags of answers', () => {
    expect(ifMatch(entityTag(7, '1.Qk3'), '1.Qk3')).toEqual([7]);
    expect(ifMatch(entityTag(7, '1.Qk3', '2026-01-01T00:00:00.000Z'), '1.Qk3')).toEqual([7]);
    expect(ifMatch('"7.1.Qk3", "8.1.Qk3"', '1.Qk3')).toEqual([7, 8]);
    expect(ifMatch(' ,"7.1.Qk3",,\t"8.1.Qk3" ,', '1.Qk3')).toEqual([7, 8]);
    expect(ifMatch(' * ', '1.Qk3')).toBe('exists');
  });

  it.each([
    ['', 'nothing'],
    [' , ,', 'nothing'],
    ['"7.1.Qk3,"', 'another tag'],
    ['"7.2.Qk3"', 'another form'],
    ['"7.1.other"', 'another partner'],
    ['"7.1"', 'an earlier release'],
    ['"7.1.Qk3.0123456789ab"', 'the past'],
    ['"somebody-else", "ä"', 'another server'],
    ['W/"7.1.Qk3"', 'a weak tag'],
  ])('names no revision by %j: %s', (header) => {
    expect(ifMatch(header, '1.Qk3')).toEqual([]);
  });

  it('does without the weak tags of a list, and keeps the others', () => {
    expect(ifMatch('W/"5.1.Qk3", "6.1.Qk3",W/"7.1.Qk3"', '1.Qk3')).toEqual([6]);
  });

  it.each(['7.1', '"7.1', '"7.1" "8.1"', '*, "7.1"', '"7.1", *', '*, *', "'7.1'", 'w/"7.1"', 'W/ "7.1"', '"7.1", 8'])(
    'is refused as %j',
    (header) => {
      expect(refusal(() => ifMatch(header, '1.Qk3'))).toMatchObject({ code: 'InvalidHeader' });
      expect(refusal(() => ifNoneMatch(header, '1.Qk3'))).toMatchObject({ code: 'InvalidHeader' });
      expect(refusal(() => noneMatch(header, '"7.1"'))).toMatchObject({ code: 'InvalidHeader' });
      expect(refusal(() => requireMatch(asking('GET', header), {}))).toMatchObject({ code: 'InvalidHeader' });
      for (const field of ['if-match', 'if-none-match'])
        expect(refusal(() => requireUntagged({ [field]: header }))).toMatchObject({ code: 'InvalidHeader' });
    },
  );
});

describe('If-None-Match of a command', () => {
  it('names revisions by the tags of answers, weak ones too', () => {
    expect(ifNoneMatch('W/"5.1.Qk3", "6.1.Qk3", "7.1.other", ""', '1.Qk3')).toEqual([5, 6]);
    expect(ifNoneMatch('*', '1.Qk3')).toBe('exists');
    expect(ifNoneMatch('', '1.Qk3')).toEqual([]);
  });
});

describe('If-Match of a question', () => {
  const tag = '"7.1.Qk3"';
  it.each([
    [tag, tag, true],
    [`"6.1.Qk3", ${tag}`, tag, true],
    ['*', undefined, true],
    // What time has brought about is not compared.
    [tag, '"7.1.Qk3@2026-01-01T00:00:00.000Z"', true],
    ['"7.1.Qk3@2026-01-01T00:00:00.000Z"', tag, true],
    [`W/${tag}`, tag, false],
    ['"6.1.Qk3"', tag, false],
    ['', tag, false],
    [tag, undefined, false],
    [tag, `W/${tag}`, false],
    [`W/${tag}`, `W/${tag}`, false],
  ])('%j meets %j: %s', (header, current, met) => {
    const answered: Record<string, string> = { 'Ledger-Position': '42', ...(current ? { ETag: current } : {}) };
    for (const method of ['GET', 'HEAD']) {
      const asked = () => requireMatch(asking(method, header), answered);
      if (met) expect(asked).not.toThrow();
      else {
        expect(asked).toThrow(expect.objectContaining({ code: 'PreconditionFailed', headers: answered }));
        expect(() => requireMatch(asking('POST', header), answered)).not.toThrow();
      }
    }
  });

  it('is no matter where it was not sent', () => {
    expect(() => requireMatch(asking('GET', undefined), {})).not.toThrow();
  });
});

describe('A precondition of what exists and has no tag', () => {
  it.each([
    [{}, undefined],
    [{ 'if-match': '*' }, undefined],
    [{ 'if-match': '"7.1"' }, 'If-Match'],
    [{ 'if-match': '"7.1"', 'if-none-match': '*' }, 'If-Match'],
    [{ 'if-none-match': '"7.1"' }, undefined],
    [{ 'if-match': '*', 'if-none-match': '*' }, 'If-None-Match'],
  ])('%j is refused by %s', (headers, pointer) => {
    const asked = () => requireUntagged(headers);
    if (pointer) expect(refusal(asked)).toMatchObject({ code: 'PreconditionFailed', errors: [{ pointer }] });
    else expect(asked).not.toThrow();
  });
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
    ['', false],
    ['"7.1"', true],
    ['W/"7.1"', true],
    ['"6.1", "7.1"', true],
    [',"6.1,7.1",, W/"7.1",', true],
    ['"6.1,7.1"', false],
    ['*', true],
    ['"7.2"', false],
  ])('%j matches "7.1": %s', (header, matches) => {
    expect(noneMatch(header, '"7.1"')).toBe(matches);
    expect(noneMatch(header, 'W/"7.1"')).toBe(matches);
  });
});

const asking = (method: string, ifMatch: string | undefined) =>
  ({ method, headers: { ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) } }) as FastifyRequest;

describe('a position', () => {
  const ledger = '223ff650-88b5-4ab5-bbf3-c9b5eca5f24b';

  it('is parsed as it was sent', () => {
    const id = '1b4e28ba-2fa1-8d01-b42d-00cf4fc964ff';
    expect(parseLedgerPosition(ledgerPosition(42, ledger, id), ledger, 42)).toEqual({
      position: 42,
      event: beginOf(id),
    });
    expect(parseLedgerPosition(ledgerPosition(42, ledger, undefined), ledger, 42)).toEqual({ position: 42 });
    expect(parsePosition('42', 42)).toBe(42);
  });

  it.each([
    `42; ledger="${ledger}"; event="1b4e28ba-2fa1"`,
    `42;event="1b4e28ba-2fa1";ledger="${ledger}"`,
    `42;ledger="${ledger}";by="a;b=\\"c";event="1b4e28ba-2fa1";new`,
    `42;ledger="x";ledger="${ledger}";event=?0;event="1b4e28ba-2fa1"`,
  ])('is read as an item with parameters (RFC 8941): %s', (header) => {
    expect(parseLedgerPosition(header, ledger, 42)).toEqual({ position: 42, event: '1b4e28ba-2fa1' });
  });

  it('of another ledger, or beyond the head of this one, is refused at once', () => {
    const other = '323ff650-88b5-4ab5-bbf3-c9b5eca5f24b';
    expect(refusal(() => parseLedgerPosition(ledgerPosition(42, other, undefined), ledger, 42))).toMatchObject({
      code: 'LedgerPositionUnknown',
      reason: 'anotherLedger',
    });
    expect(refusal(() => parseLedgerPosition(ledgerPosition(43, ledger, undefined), ledger, 42))).toMatchObject({
      code: 'LedgerPositionUnknown',
      reason: 'beyondHead',
      head: '42',
    });
    expect(refusal(() => parsePosition('43', 42))).toMatchObject({ code: 'LedgerPositionUnknown' });
  });

  it.each([
    '42',
    '-1;ledger="x"',
    `4 2;ledger="${ledger}"`,
    `042;ledger="${ledger}"`,
    `42;ledger=${ledger}`,
    `42;ledger="${ledger}";event="x"`,
    `42;ledger="${ledger}";event`,
    `42;ledger="${ledger}";`,
    `42 ;ledger="${ledger}"`,
    `42;ledger="${ledger}";by="x`,
    `42;event="1b4e28ba-2fa1"`,
  ])('in another form is refused: %s', (header) => {
    expect(refusal(() => parseLedgerPosition(header, ledger, 42))).toMatchObject({ code: 'InvalidHeader' });
  });
});

describe('a correlation id', () => {
  it('is the sender’s where it can be stored', () => {
    expect(correlationId('order-17_a.b')).toBe('order-17_a.b');
  });

  it.each([undefined, '', 'a b', 'x'.repeat(65), '"};alert(1)', 'ä'])('is made for %j', (header) => {
    expect(correlationId(header)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
