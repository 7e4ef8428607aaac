import { InvalidArgumentError } from '@commander-js/extra-typings';

// What the values of options must be. Each answers the value in its form, or says what is wrong with it. Not those of #http: loading it
// takes a second, and --help and completion need nothing of it.

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The GUID of a tenant, in lower case. */
export function tenant(text: string): string {
  if (!guid.test(text)) throw new InvalidArgumentError('It must be the GUID of a tenant.');
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

/** A time; a day stands for its first moment. */
export function time(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('It must be a time, such as 2027-01-31T12:00Z or 2027-01-31.');
  return at.toISOString();
}

export function day(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || !time(text).startsWith(text))
    throw new InvalidArgumentError('It must be a day such as 2026-11-22.');
  return text;
}

export function url(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:3000.');
  return text.replace(/\/+$/, '');
}
