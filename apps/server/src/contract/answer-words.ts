// The types of fields in answers. Their tags become the schemas of openapi.json.

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
 * May have a fraction.
 *
 * @format double
 */
export type Seconds = number;

/** The revision of the stream and the position of the ledger that the answer reflects. */
export interface Place {
  /**
   * The place of the last event in the relationship’s stream.
   *
   * @minimum 0
   */
  readonly revision: number;
  readonly position: Position;
}
