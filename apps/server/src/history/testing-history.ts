import { journalStream, relationshipStream } from '#customer-relationship';
import type { EventStore, RecordedEvent, SealedEvent } from '#event-sourcing';

// For specs of the history: events with the fields that filters ask for, and without data that rules would check.

export const guid = (group: string, index: number) =>
  `${group}0000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

export interface Written {
  readonly partner: number;
  readonly customer: number;
  readonly journal?: boolean;
  readonly type?: string;
  readonly actor?: string;
  readonly command?: string;
  readonly commandId?: number;
  readonly correlationId?: string;
  /** Seconds. */
  readonly recordedAt?: number;
}

export const instant = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

/** Appends events at the ends of their streams. */
export function writing(store: EventStore) {
  const revisions = new Map<string, number>();
  let written = 0;
  return async (...events: readonly Written[]): Promise<void> => {
    for (const event of events) {
      const { partner, customer, journal = false } = event;
      const stream = (journal ? journalStream : relationshipStream)(guid('a', partner), guid('c', customer));
      const revision = revisions.get(stream) ?? -1;
      revisions.set(stream, revision + 1);
      await store.append(stream, [sealed(event, written++)], revision);
    }
  };
}

function sealed(event: Written, index: number): SealedEvent {
  const { partner, journal = false, type = 'SubscriptionSuspended', actor = 'ada', command, commandId = index } = event;
  return {
    id: guid('e', index),
    type: journal ? 'CommandRejected' : type,
    data: { index },
    metadata: {
      actor: { id: actor, kind: 'partnerUser', roles: ['AdminAgent'], tenant: guid('a', partner) },
      causationId: 'cause',
      commandHash: 'fingerprint',
      ...(command === undefined ? {} : { command }),
      commandId: guid('d', commandId),
      correlationId: event.correlationId ?? 'correlation',
      hash: 'hash',
      policy: { name: 'policy', hash: 'hash' },
      previousHash: 'hash',
      recordedAt: instant(event.recordedAt ?? index),
      schema: 1,
    },
  };
}

/** The log as it is. */
export async function wholeLog(store: EventStore): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const batch of store.subscribe({ after: 0, signal: new AbortController().signal })) {
    events.push(...batch.events);
    if (batch.caughtUp) break;
  }
  return events;
}
