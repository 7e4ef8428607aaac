import type { Table } from '#event-sourcing';
import type { Column, Columns, RowOf } from './columns.js';

/** The columns but some. */
export function without<C extends Columns, N extends keyof C>(columns: C, ...names: readonly N[]): Omit<C, N> {
  const entries: [string, Column][] = Object.entries(columns);
  const kept = entries.filter(([name]) => !names.some((other) => other === name));
  return Object.fromEntries(kept) as unknown as Omit<C, N>;
}

/** A table with these columns, as projections declare it. */
export function table<C extends Columns>(columns: C, rest: Omit<Table<RowOf<C>>, 'columns'>): Table<RowOf<C>> {
  const stored = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.stored]));
  return { columns: stored as Table<RowOf<C>>['columns'], ...rest };
}

type Nullable<C extends Columns> = { [N in keyof C]: null extends RowOf<C>[N] ? N : never }[keyof C];

/** A row in which every nullable column is null. The other columns are undefined, in the right order: the caller sets them. */
export function blankRow<C extends Columns>(columns: C): { readonly [N in Nullable<C>]: null } {
  const blank = Object.entries(columns).map(([name, { stored }]) => [name, stored.endsWith('?') ? null : undefined]);
  return Object.fromEntries(blank) as { readonly [N in Nullable<C>]: null };
}
