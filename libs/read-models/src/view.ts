import { anyProjection, type AnyProjection, type Projection } from '#event-sourcing';
import type { RelationshipEvents } from '#customer-relationship';
import type { Explained } from './explained.js';
import type { List } from './list.js';
import type { Pair } from './pair.js';

/** A view, for the projector and the server: its projection, its lists, and the rows that are explained. */
export interface View {
  readonly projection: AnyProjection<RelationshipEvents, Pair>;
  readonly lists: readonly List[];
  readonly explains: readonly Explained[];
}

/** Registers a view. */
export function view<Tables extends { readonly [T in keyof Tables]: object }>({
  projection,
  lists = [],
  explains = [],
}: Partial<Omit<View, 'projection'>> & { readonly projection: Projection<RelationshipEvents, Tables, Pair> }): View {
  return { projection: anyProjection(projection), lists, explains };
}
