import { describe, expect, it } from '@jest/globals';
import { entityTag, ifMatch, noneMatch } from './entity-tag.js';
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
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('%s is read as %s', (header, key) => {
    expect(idempotencyKey(header)).toBe(key);
  });

  it.each(['a b', 'ä', 'x'.repeat(256), '""', '"a', '"a"b"', '"a\\b"', 'a\tb', '" "'])('%j is none', (header) => {
    expect(refusal(() => idempotencyKey(header))).toMatchObject({ code: 'InvalidHeader' });
  });

  it('that is missing is asked for', () => {
    expect(refusal(() => idempotencyKey(undefined))).toMatchObject({ code: 'IdempotencyKeyMissing' });
    expect(refusal(() => idempotencyKey(''))).toMatchObject({ code: 'IdempotencyKeyMissing' });
  });
});

describe('If-Match', () => {
  it('names revisions by the tags of answers', () => {
    expect(ifMatch(entityTag(7, 1), 1)).toEqual({ any: false, revisions: [7] });
    expect(ifMatch('"7.1", "8.1"', 1)).toEqual({ any: false, revisions: [7, 8] });
    expect(ifMatch(' ,"7.1",,\t"8.1" ,', 1)).toEqual({ any: false, revisions: [7, 8] });
    expect(ifMatch('"7.1,"', 1)).toEqual({ any: false, revisions: [] });
    expect(ifMatch(' * ', 1)).toEqual({ any: true });
  });

  it('names no revision by the tag of another form or another server', () => {
    expect(ifMatch('"7.2"', 1)).toEqual({ any: false, revisions: [] });
    expect(ifMatch('"somebody-else"', 1)).toEqual({ any: false, revisions: [] });
  });

  it.each([
    'W/"7.1"',
    '7.1',
    '"7.1',
    '',
    ',',
    ' , ,',
    '"7.1" "8.1"',
    '*, "7.1"',
    "'7.1'",
    '"7.1", W/"8.1"',
    '"7.1", 8',
  ])('is refused as %j', (header) => {
    expect(refusal(() => ifMatch(header, 1))).toMatchObject({ code: 'InvalidHeader' });
  });
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
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
