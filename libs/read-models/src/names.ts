/**
 * A name as lists sort and search it: without regard to case and to compatible forms. Kept in a column of its own,
 * because databases do not agree on collations.
 */
export function foldedName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}
