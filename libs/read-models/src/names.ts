/**
 * A name in the form that lists sort and search by, without regard to case and to compatible forms. It has a column of its
 * own, because collations differ between databases.
 */
export function foldedName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}
