import { elementsOf } from './field-values.js';

/**
 * The media type to answer with: of those offered the one that `Accept` (RFC 9110, 12.5.1) prefers, the first of
 * equals; undefined where none is acceptable. Parameters of a range other than its weight are ignored.
 */
export function acceptable<T extends string>(accept: string | undefined, offered: readonly T[]): T | undefined {
  if (accept === undefined || accept === '*/*' || accept === '') return offered[0];
  const ranges = weighedRanges(accept);
  let best: T | undefined;
  let bestWeight = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > bestWeight) [best, bestWeight] = [type, weight];
  }
  return best;
}

/** Whether `Accept` names the type itself, not by a range that covers it. */
export function isNamed(accept: string | undefined, type: string): boolean {
  return weighedRanges(accept ?? '').some(({ name, weight }) => name === type && weight > 0);
}

/** What a header such as `Accept` or `Accept-Encoding` names, in lower case, with the weight of each. */
export function weighedRanges(text: string): Range[] {
  return elementsOf(text.toLowerCase(), ',').map(rangeOf);
}

export interface Range {
  readonly name: string;
  readonly weight: number;
}

// RFC 9110, 12.4.2: at most three decimals. More of them are read too: what is meant is clear.
const weightForm = /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/;

function rangeOf(text: string): Range {
  const [name = '', ...parameters] = elementsOf(text, ';').map((part) => part.trim());
  const given = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  if (given === undefined) return { name, weight: 1 };
  return { name, weight: weightForm.test(given) ? Number(given) : 0 };
}

/** The weight of the most specific range that covers the type. */
function weightOf(type: string, ranges: readonly Range[]): number {
  for (const covers of [type, `${type.split('/', 1)[0]}/*`, '*/*']) {
    const weights = ranges.filter(({ name }) => name === covers).map(({ weight }) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}
