import { isDeepStrictEqual } from 'node:util';
import { isMarked, keyOf, type Row } from './aged-ledger.js';

// Two ledgers with the same facts, of which one may have recorded less of what time has brought about.

/** Where two answers differ, field by field. */
export function differences(where: string, wanted: unknown, actual: unknown): string[] {
  if (isDeepStrictEqual(wanted, actual)) return [];
  if (!isObject(wanted) || !isObject(actual))
    return [`${where}: ${JSON.stringify(actual)} instead of ${JSON.stringify(wanted)}`];
  const fields = new Set([...Object.keys(wanted), ...Object.keys(actual)]);
  return [...fields].flatMap((field) => differences(`${where} ${field}`, wanted[field], actual[field]));
}

export function differencesOfReads(
  where: string,
  wanted: ReadonlyMap<string, Row>,
  actual: ReadonlyMap<string, Row>,
): string[] {
  const paths = new Set([...wanted.keys(), ...actual.keys()]);
  return [...paths].flatMap((path) => differences(`${where} ${path}`, wanted.get(path), actual.get(path)));
}

/** Of lists, the marked rows apart: they show what is recorded. Where time is kept, none is marked. */
export function differencesOfLists(
  where: string,
  at: string,
  kept: ReadonlyMap<string, readonly Row[]>,
  actual: ReadonlyMap<string, readonly Row[]>,
): string[] {
  return [...kept].flatMap(([path, rows]) => {
    const there = actual.get(path)!;
    const marked = new Set(there.filter((row) => isMarked(row, at)).map(keyOf));
    const rest = (all: readonly Row[]) => all.filter((row) => !marked.has(keyOf(row)));
    return [
      ...rows
        .filter((row) => isMarked(row, at))
        .map((row) => `${where} ${path}: marked although time is kept: ${keyOf(row)}`),
      ...differences(`${where} ${path}`, rest(rows), rest(there)),
    ];
  });
}

/** The list of customers counts what the readiness for removal names, unless something of it is overdue. */
export function differencesOfReadiness(
  where: string,
  at: string,
  reads: ReadonlyMap<string, Row>,
  lists: ReadonlyMap<string, readonly Row[]>,
): string[] {
  const [row] = lists.get('/v1/customers')!;
  if (!row || isMarked(row, at)) return [];
  const { blockers } = reads.get('reseller-relationship/removal-readiness') as { readonly blockers?: readonly Row[] };
  const { byKind } = row['readiness'] as { readonly byKind: Readonly<Record<string, number>> };
  const counted = Object.keys(byKind).map((kind) => [kind, blockers?.filter((each) => each['kind'] === kind).length]);
  return differences(`${where} readiness`, Object.fromEntries(counted), byKind);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
