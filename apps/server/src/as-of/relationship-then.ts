import {
  customerRelationship,
  relationshipCodec,
  type CustomerRelationship,
  type Policy,
} from '#customer-relationship';
import { fold, Rejection, type EventStore, type Frozen, type RecordedEvent, type StreamPlace } from '#event-sourcing';
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
 * Folds what counts of a relationship's stream.
 * @throws Rejection RelationshipNotFound for a moment before its first event
 * @throws Problem 400 for a place that does not exist
 */
export async function relationshipThen(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment,
): Promise<RelationshipThen> {
  const events = await eventsUntil(store, stream, moment);
  const last = events.at(-1);
  if (!last) throw new Rejection('RelationshipNotFound');
  return {
    state: fold(
      customerRelationship,
      events.map((recorded) => relationshipCodec.decode(recorded)),
    ),
    revision: last.revision,
    position: last.position,
    asOf: moment.kind === 'time' ? moment.at : last.metadata.recordedAt,
    policy: () => policyThen(last.metadata.policy),
  };
}

/** The events of a stream that count at a moment, in order. @throws Problem 400 */
export async function eventsUntil(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment,
): Promise<readonly RecordedEvent[]> {
  switch (moment.kind) {
    case 'time':
      return (await store.read(stream)).filter(({ metadata }) => metadata.recordedAt <= moment.at);
    case 'position':
      requireReached(moment.position, await store.head());
      return (await store.read(stream)).filter(({ position }) => position <= moment.position);
    case 'revision': {
      const events = await store.read(stream, { to: moment.revision });
      const last = events.at(-1);
      if (last && last.revision < moment.revision)
        throw badRequest('InvalidQuery', 'asOfRevision', `must be at most ${last.revision}, the revision now`);
      return events;
    }
  }
}
