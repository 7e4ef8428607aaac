import type { RecordedEvent } from './event-store.js';
import type { Json, MessageOf } from './message.js';

/** Lifts one schema of a payload to the next; never edited once it has run in production. */
export type Upcast = (data: Json) => Json;

export interface EventCodecDefinition<Catalogue> {
  /** A table that has every event's name, such as the decider's `evolve`. */
  readonly events: { readonly [N in keyof Catalogue]: unknown };
  /** The current schema number of the events whose payload has changed; it is 1 for all others. */
  readonly schemas?: { readonly [N in keyof Catalogue]?: number };
  /** `'Name@1'` lifts 1 → 2; steps chain. */
  readonly upcasts?: { readonly [step: string]: Upcast };
}

/** Between the log and the current catalogue: every consumer reads through it. */
export interface EventCodec<Catalogue> {
  /** @throws EventOfNewerRelease for an unknown name or a schema from the future; UnreadableEvent for a missing step */
  readonly decode: (event: RecordedEvent) => MessageOf<Catalogue>;
  readonly schemaOf: (type: string) => number;
}

export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
  constructor(event: Pick<RecordedEvent, 'stream' | 'revision' | 'position' | 'type' | 'metadata'>, why: string) {
    super(
      `Event ${event.type} (schema ${event.metadata.schema}) at position ${event.position}, stream ${event.stream} revision ${event.revision}: ${why}`,
    );
  }
}

/** Written by a newer release, as during an upgrade of one server after the other: a newer server can read it. */
export class EventOfNewerRelease extends UnreadableEvent {}

export function eventCodec<Catalogue>({
  events,
  schemas = {},
  upcasts = {},
}: EventCodecDefinition<Catalogue>): EventCodec<Catalogue> {
  const changed = schemas as Readonly<Record<string, number>>;
  const current = new Map(Object.keys(events).map((name) => [name, changed[name] ?? 1]));
  return {
    schemaOf(type) {
      const schema = current.get(type);
      if (schema === undefined) throw new Error(`${type} is not in the catalogue`);
      return schema;
    },
    decode(event) {
      const target = current.get(event.type);
      if (target === undefined) throw new EventOfNewerRelease(event, 'this release does not know that name');
      let { schema } = event.metadata;
      if (!Number.isInteger(schema) || schema < 1) throw new UnreadableEvent(event, 'schema numbers start at 1');
      if (schema > target) throw new EventOfNewerRelease(event, `this release knows schemas up to ${target}`);
      let data = event.data;
      for (; schema < target; schema++) {
        const upcast = upcasts[`${event.type}@${schema}`];
        if (!upcast) throw new UnreadableEvent(event, `no step from schema ${schema}`);
        data = upcast(data);
      }
      // The one cast at the edge: names and schemas were just checked.
      return { type: event.type, data } as unknown as MessageOf<Catalogue>;
    },
  };
}
