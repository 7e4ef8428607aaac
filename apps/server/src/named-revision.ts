import type { RecordedEvent } from '#event-sourcing';
import { beginOf } from '#http';

/** A revision of a relationship, and the begin of the id of the event that is to stand there; bare digits say none. */
export interface NamedRevision {
  readonly revision: number;
  readonly event: string | undefined;
}

/** As links to further pages have it, so that nobody goes on in another history after a restore. */
export const namedRevision = /^(0|[1-9]\d{0,15})(;\s*event="[0-9a-f]{8}-[0-9a-f]{4}")?$/;

/** Undefined for what has another form. */
export function revisionIn(after: string | undefined): NamedRevision | undefined {
  const match = /^(\d+)(?:;\s*event="([^"]*)")?$/.exec(after ?? '');
  return match ? { revision: Number(match[1]), event: match[2] } : undefined;
}

export function nameOfRevision({ revision, id }: Pick<RecordedEvent, 'revision' | 'id'>): string {
  return `${revision};event="${beginOf(id)}"`;
}

/** Whether it is the event that is meant, if any is. */
export function isMeant({ event }: NamedRevision, found: Pick<RecordedEvent, 'id'> | undefined): boolean {
  return event === undefined || (found !== undefined && beginOf(found.id) === event);
}
