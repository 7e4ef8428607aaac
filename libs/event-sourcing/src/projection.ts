import type { RecordedEvent } from './event-store.js';
import type { MessageOf, Name } from './message.js';

/** How a column of a view is stored; JSON columns hold structured values. */
export type ColumnType = 'text' | 'integer' | 'boolean' | 'json';

/** A document of a view is a row: flat, JSON-safe, `null` where there is nothing. */
export type Row = object;

/**
 * A view as a pure table from event to document. `key` names the document that an event touches (`undefined`: none),
 * `on[type]` returns its new version, or `undefined` to remove it. It sees the log and nothing else: no clock, no policy,
 * so live and replay are the same thing.
 */
export interface Projection<Catalogue, Document extends Row> {
  /** Names the view and its table; kebab-case. */
  readonly name: string;
  /** A change of shape or meaning gets the next number: tables of another version are built anew. */
  readonly version: number;
  readonly columns: { readonly [C in keyof Document & string]: ColumnType };
  /** Columns by which the view is listed, each with the key as tie-break. */
  readonly indexes: readonly (readonly (keyof Document & string)[])[];
  readonly key: (event: MessageOf<Catalogue>, recorded: RecordedEvent) => string | undefined;
  readonly on: {
    readonly [N in Name<Catalogue>]?: (
      document: Document | undefined,
      data: MessageOf<Catalogue, N>['data'],
      recorded: RecordedEvent,
    ) => Document | undefined;
  };
}

/** Applies one event to the documents of a view, for tests and for the projector alike. */
export function project<Catalogue, Document extends Row>(
  projection: Projection<Catalogue, Document>,
  documents: Map<string, Document>,
  event: MessageOf<Catalogue>,
  recorded: RecordedEvent,
): string | undefined {
  const step = (projection.on as Record<string, ((d: Document | undefined, data: unknown, r: RecordedEvent) => Document | undefined) | undefined>)[event.type];
  if (!step) return undefined;
  const key = projection.key(event, recorded);
  if (key === undefined) return undefined;
  const next = step(documents.get(key), event.data, recorded);
  if (next === undefined) documents.delete(key);
  else documents.set(key, next);
  return key;
}
