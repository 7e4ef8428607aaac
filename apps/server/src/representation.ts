/** The version of the form of relationships and lists. A change of form takes the next number, so that caches of the old one ask again. */
export const representation = 1;
