import { createHash } from 'node:crypto';
import { idOf } from '#event-sourcing';

/** Choices that are the same for the same label, on every machine and in every run. */
export interface Random {
  /** A whole number from `min` to `max`, both inclusive. */
  readonly between: (min: number, max: number) => number;
  readonly oneOf: <T>(choices: readonly T[]) => T;
  /** True in that percentage of cases. */
  readonly percent: (chance: number) => boolean;
}

/** mulberry32, seeded with the first 32 bits of the label's hash. */
export function randomFor(label: string): Random {
  let state = createHash('sha256').update(label).digest().readUInt32BE();
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    between,
    oneOf: (choices) => choices[between(0, choices.length - 1)]!,
    percent: (chance) => next() * 100 < chance,
  };
}

/** A GUID (UUIDv8) that is the same for the same label. */
export function guidFor(label: string): string {
  return idOf(createHash('sha256').update(label).digest('hex'));
}
