import { describe, expect, it } from '@jest/globals';
import { asSeen, isVisible, withoutInvisibleEnds } from './visible-text.js';

/** What stands on lists of "blank" characters. */
const unseen = [
  ...['\u00ad', '\u034f', '\u061c', '\u115f', '\u1160', '\u17b4', '\u180e', '\u200b', '\u200c', '\u200d', '\u200e'],
  ...['\u202e', '\u2060', '\u2063', '\u206f', '\u2800', '\u3164', '\ufe0f', '\ufeff', '\uffa0', '\ufff9'],
  ...['\u{1d159}', '\u{1d173}', '\u{e0001}', '\u{e0061}', '\u{e0100}'],
];
const codeOf = (text: string) => `U+${text.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

describe('a text', () => {
  it.each(unseen.map((each) => [codeOf(each), each]))('of %s alone shows nothing', (_, each) => {
    expect(isVisible(each)).toBe(false);
    expect(isVisible(` ${each}\u00a0${each}`)).toBe(false);
    expect(isVisible(`${each}a`)).toBe(true);
  });

  it.each(['\u0301', '\u0301\u0308', '\u20dd', '\u0903', ' \u0301'])('of marks alone shows nothing: %j', (marks) => {
    expect(isVisible(marks)).toBe(false);
    expect(isVisible(`e${marks}`)).toBe(true);
  });

  it.each(['', ' ', '\t\n', '\u00a0\u2003\u3000', '\0'])('of spaces and controls alone shows nothing: %j', (text) => {
    expect(isVisible(text)).toBe(false);
  });

  it.each(['a', '-', '1', '❤️', 'é', '漢', '\u0600', '\u{1f600}', '\ue000'])('shows something: %j', (text) => {
    expect(isVisible(text)).toBe(true);
  });
});

describe('the ends of a text', () => {
  it.each([
    ['\ufeffContoso', 'Contoso'],
    ['\u200bContoso\u200b', 'Contoso'],
    ['\u200b\ufeff \u2060Contoso \u200b \u00ad', 'Contoso '],
    [' \u200bContoso', 'Contoso'],
    ['Con\u200btoso', 'Con\u200btoso'],
    [' Contoso ', ' Contoso '],
    ['❤\ufe0f', '❤\ufe0f'],
    ['❤\ufe0f\u200b', '❤\ufe0f'],
    ['a \ufe0f', 'a '],
    ['\ufe0fa', 'a'],
    ['🏴\u{e0067}\u{e0062}\u{e007f}', '🏴\u{e0067}\u{e0062}\u{e007f}'],
    ['\u200b', ''],
    ['', ''],
  ])('of %j are seen: %j', (text, kept) => {
    expect(withoutInvisibleEnds(text)).toBe(kept);
    expect(withoutInvisibleEnds(kept)).toBe(kept);
  });
});

describe('two texts that look alike', () => {
  it.each([
    ['Con\u200btoso', 'Contoso'],
    ['\ufeffContoso', 'Contoso'],
    ['Contoso\u00a0Admin', 'Contoso Admin'],
    [' Contoso  Admin ', 'Contoso Admin'],
    ['Con\u00adtoso', 'Contoso'],
  ])('are one: %j and %j', (one, other) => {
    expect(asSeen(one)).toBe(asSeen(other));
  });

  it('are two where a character that can be seen differs', () => {
    expect(asSeen('Contoso A')).not.toBe(asSeen('ContosoA'));
    expect(asSeen('é')).not.toBe(asSeen('e'));
  });
});
