import { InvalidArgumentError } from '@commander-js/extra-typings';
import { instantOf, isGuid } from '#http';

// What the values of options must be. Each answers the value in its form, or says what is wrong with it.

/** The GUID of a tenant, in lower case. */
export function tenant(text: string): string {
  if (!isGuid(text)) throw new InvalidArgumentError('It must be the GUID of a tenant.');
  return text.toLowerCase();
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

export function matching(form: RegExp, what: string): (text: string) => string {
  return (text) => {
    if (!form.test(text)) throw new InvalidArgumentError(`It must be ${what}.`);
    return text;
  };
}

/** A time, with or without seconds; a day stands for its noon. */
export function time(text: string): string {
  const withTime = isDay(text) ? `${text}T12:00:00Z` : text;
  const instant = instantOf(withTime.replace(/^(.{10}T\d\d:\d\d)(?=Z|[+-])/i, '$1:00'));
  if (instant === undefined) throw new InvalidArgumentError('It is no time: write 2026-11-29T16:00Z or 2026-11-29.');
  return instant;
}

/** A time; a day stands for its first moment. */
export const momentOrDay = (text: string) => time(isDay(text) ? `${text}T00:00:00Z` : text);

export function day(text: string): string {
  if (!isDay(text) || instantOf(`${text}T00:00:00Z`) === undefined)
    throw new InvalidArgumentError('It must be a day such as 2026-11-22.');
  return text;
}

export function url(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:3000.');
  return text.replace(/\/+$/, '');
}

const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text);
