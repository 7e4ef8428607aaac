/**
 * The version of the form in which relationships and lists are shown. A change of form takes the next number, so that a cache that
 * holds the old form for the same revision asks again.
 */
export const representation = 1;
