// The words that the types of answers are made of. Their tags become the schemas of openapi.json.

export type { Instant } from '#customer-relationship';

/** @format uuid */
export type Guid = string;

/** @minLength 1 */
export type Id = string;

/**
 * Compared as a whole number, never counted.
 *
 * @pattern ^[0-9]+$
 */
export type Position = string;

/** @format uri-reference */
export type Reference = string;

/** @pattern ^[0-9a-f]{64}$ */
export type Sha256 = string;

/**
 * A number that need not be whole.
 *
 * @format double
 */
export type Seconds = number;

/** Where in its stream and in the ledger the answer rests. */
export interface Place {
  /**
   * The place of the last event in the relationship’s stream.
   *
   * @minimum 0
   */
  readonly revision: number;
  readonly position: Position;
}
