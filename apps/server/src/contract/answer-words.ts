// The words that the types of answers are made of. Their tags become the schemas of openapi.json.

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

/**
 * The place of the last event in the relationship’s stream.
 *
 * @minimum 0
 */
export type Revision = number;

/** @format uri-reference */
export type Reference = string;
