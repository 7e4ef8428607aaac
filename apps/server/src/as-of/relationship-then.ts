import { setImmediate as turn } from 'node:timers/promises';
import {
  customerRelationship,
  relationshipCodec,
  type CustomerRelationship,
  type Policy,
} from '#customer-relationship';
import {
  foldEvents,
  noStream,
  pagesOf,
  Rejection,
  type EventStore,
  type Frozen,
  type RecordedEvent,
  type StreamPlace,
} from '#event-sourcing';
import { badRequest } from '#http';
import { requireReached, type Moment } from './moment.js';
import { policyThen } from './policy-then.js';

/** A relationship as it stood at a moment. */
export interface RelationshipThen extends StreamPlace {
  readonly state: Frozen<CustomerRelationship>;
  /** The time that was asked for; else when the last event that counts was recorded. */
  readonly asOf: string;
  /** The one in force then, which is the one that the last event was decided under. @throws Problem 501 */
  readonly policy: () => Policy;
}

/**
 * Folds what counts of a relationship's stream; `pause` is awaited between its pages.
 * @throws Rejection RelationshipNotFound for a moment before its first event
 * @throws Problem 400 for a place that does not exist
 */
export async function relationshipThen(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment,
  pause: () => Promise<void> = () => turn(),
): Promise<RelationshipThen> {
  const state = customerRelationship.initialState();
  let last: RecordedEvent | undefined;
  for await (const events of pagesUntil(store, stream, moment, pause)) {
    foldEvents(customerRelationship, relationshipCodec, events, state);
    last = events.at(-1) ?? last;
  }
  if (!last) throw new Rejection('RelationshipNotFound');
  const { revision, position, metadata } = last;
  return {
    state,
    revision,
    position,
    asOf: moment.kind === 'time' ? moment.at : metadata.recordedAt,
    policy: () => policyThen(metadata.policy),
  };
}

/** The events of a stream that count at a moment, or all of them, in order. @throws Problem 400 */
export async function eventsUntil(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment | undefined,
  pause: () => Promise<void>,
): Promise<readonly RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const events of pagesUntil(store, stream, moment, pause)) all.push(...events);
  return all;
}

async function* pagesUntil(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment | undefined,
  pause: () => Promise<void>,
): AsyncGenerator<readonly RecordedEvent[], void> {
  if (moment?.kind === 'position') requireReached(moment.position, await store.head());
  const to = moment?.kind === 'revision' ? moment.revision : Infinity;
  let last = noStream;
  for await (const page of pagesOf(store, stream, { to, pause })) {
    const counted = moment ? page.filter((event) => isUpTo(event, moment)) : page;
    yield counted;
    // Positions grow in a stream, and times never decrease: nothing counts after what does not.
    if (counted.length < page.length) return;
    last = page.at(-1)?.revision ?? last;
  }
  if (last !== noStream && last < to && to < Infinity)
    throw badRequest('InvalidQuery', 'asOfRevision', `must be at most ${last}, the revision now`);
}

function isUpTo({ metadata, position }: RecordedEvent, moment: Moment): boolean {
  switch (moment.kind) {
    case 'time':
      return metadata.recordedAt <= moment.at;
    case 'position':
      return position <= moment.position;
    case 'revision':
      return true;
  }
}
