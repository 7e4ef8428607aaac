import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  customerRelationship,
  policyNamed,
  relationshipCodec,
  type CustomerRelationship,
  type Policy,
  type PolicyReference,
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
import { badRequest, Problem } from '#http';
import { requireReached, type Moment } from './moment.js';

/** A relationship as it stood at a moment. */
export interface RelationshipThen extends StreamPlace {
  readonly state: Frozen<CustomerRelationship>;
  /** The time that was asked for; otherwise when the last event that counts was recorded. */
  readonly asOf: string;
  /** The policy of the last event, which was in force then. @throws Problem 501 */
  readonly policy: () => Policy;
}

/**
 * Folds the events of a relationship that count; `pause` is awaited between pages.
 * @throws Rejection RelationshipNotFound for a moment before its first event
 * @throws Problem 400 for a position or revision that does not exist
 */
export async function relationshipThen(
  store: Pick<EventStore, 'read' | 'head'>,
  stream: string,
  moment: Moment,
  pause: () => Promise<void> = () => nextTurn(),
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
export async function eventsUntil(...asked: Parameters<typeof pagesUntil>): Promise<readonly RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const events of pagesUntil(...asked)) all.push(...events);
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
    // In a stream, positions grow and times never decrease: after an event that does not count, none does.
    if (counted.length < page.length) return;
    last = page.at(-1)?.revision ?? last;
  }
  if (last !== noStream && last < to && to < Infinity)
    throw badRequest('InvalidQuery', 'asOfRevision', `must be at most ${last}, the revision now`);
}

function isUpTo({ metadata, position }: RecordedEvent, moment: Moment): boolean {
  if (moment.kind === 'time') return metadata.recordedAt <= moment.at;
  return moment.kind !== 'position' || position <= moment.position;
}

/**
 * The policy under which an event was decided.
 * @throws Problem 501 for a policy that this release does not have: under another one the answer would be wrong
 */
export function policyThen(reference: PolicyReference): Policy {
  const policy = policyNamed(reference);
  if (!policy) throw new Problem('PolicyUnknown', { details: { policy: reference.name, hash: reference.hash } });
  return policy;
}
