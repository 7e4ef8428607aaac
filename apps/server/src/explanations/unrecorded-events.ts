import {
  customerRelationship,
  itemsNamedBy,
  policyHash,
  relationshipCodec,
  requestItem,
  settle,
  type Instant,
  type ItemRef,
  type Policy,
} from '#customer-relationship';
import { foldEvents, type Json, type RecordedEvent } from '#event-sourcing';
import type { Contribution } from './explain.js';

/** An event that time has brought about and nobody has recorded, in the form that it would be recorded in. */
export interface UnrecordedEvent extends RecordedEvent {
  /** The end that has passed. */
  readonly at: Instant;
}

/**
 * What time has brought about until an instant, in a relationship with these events, of the things that some of them name, and
 * of the request.
 */
export function unrecordedEvents(
  events: readonly RecordedEvent[],
  naming: readonly Pick<Contribution, 'event'>[],
  until: Instant,
  present: Policy,
): readonly UnrecordedEvent[] {
  const state = customerRelationship.initialState();
  foldEvents(customerRelationship, relationshipCodec, events, state);
  const { due } = settle(state, itemsOf(naming), until, present);
  const last = events.at(-1)!;
  const { actor } = last.metadata;
  return due
    .flatMap(({ events: brought, ...rest }) => brought.map((event) => ({ ...event, ...rest })))
    .map(({ type, data, at, command, policy = { name: present.name, hash: policyHash(present) } }, index) => ({
      ...last,
      id: '',
      type,
      data: data as unknown as Json,
      revision: last.revision + 1 + index,
      at,
      metadata: {
        ...last.metadata,
        actor: { ...actor, kind: 'system', roles: [] },
        command,
        policy,
        recordedAt: until,
        schema: relationshipCodec.schemaOf(type),
      },
    }));
}

function itemsOf(contributions: readonly Pick<Contribution, 'event'>[]): readonly ItemRef[] {
  const named = contributions.flatMap(({ event }) => itemsNamedBy(event.data as object));
  const byName = new Map(named.map((item) => [`${item.noun} ${item.id}`, item]));
  return [requestItem, ...byName.values()];
}
