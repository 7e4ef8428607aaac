import type { RecordedEvent } from '#event-sourcing';
import { beginOf } from '#http';

/** A revision of a relationship, and the first part of the id of the event that must stand there; bare digits name no event. */
export interface NamedRevision {
  readonly revision: number;
  readonly event: string | undefined;
}

/** The form in links to further pages: a reader that goes on after a restore must not continue in another history. */
export const namedRevision = /^(0|[1-9]\d{0,15})(;\s*event="[0-9a-f]{8}-[0-9a-f]{4}")?$/;

/** Undefined for any other form. */
export function revisionIn(after: string | undefined): NamedRevision | undefined {
  const match = /^(\d+)(?:;\s*event="([^"]*)")?$/.exec(after ?? '');
  return match ? { revision: Number(match[1]), event: match[2] } : undefined;
}

export function nameOfRevision({ revision, id }: Pick<RecordedEvent, 'revision' | 'id'>): string {
  return `${revision};event="${beginOf(id)}"`;
}

/** True for the named event, and for any event where none is named. */
export function isMeant({ event }: NamedRevision, found: Pick<RecordedEvent, 'id'> | undefined): boolean {
  return event === undefined || (found !== undefined && beginOf(found.id) === event);
}
