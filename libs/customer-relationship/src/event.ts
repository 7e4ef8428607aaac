import type { MessageOf } from '#event-sourcing';
import type { RelationshipEvents } from './events.js';

export type EventOf<N extends keyof RelationshipEvents> = MessageOf<RelationshipEvents, N>;

/** An event, whose data the compiler checks by its name. */
export function event<N extends keyof RelationshipEvents>(type: N, data: RelationshipEvents[N]): EventOf<N> {
  return { type, data };
}

/** Only the fields that have a value: events and states leave out the others, as JSON has no `undefined`. */
export function present<Fields extends object>(
  fields: Fields,
): { [F in keyof Fields]?: Exclude<Fields[F], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [F in keyof Fields]?: Exclude<Fields[F], undefined>;
  };
}
