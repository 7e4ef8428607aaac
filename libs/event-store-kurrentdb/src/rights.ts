import { kindOf, reasonOf } from './client-errors.js';
import type { Notice } from './notices.js';

export type Deed = 'read' | 'append to';

/** What the database denies the user of this server at present. */
export interface DeniedRights {
  /** The log as a whole: nothing goes without it. */
  readonly all: boolean;
  readonly streams: number;
}

export type Rights = ReturnType<typeof rightsOf>;

/**
 * The rights of this user, by what the database has answered: they may be taken away while a server runs, and then it looks
 * like an unreachable database unless they are named.
 */
export function rightsOf(notice: Notice, onChanged: (denied: DeniedRights) => void = () => undefined) {
  const denied = new Map<string, string>();

  function changed(): void {
    const names = new Set(denied.values());
    onChanged({ all: names.has('$all'), streams: names.size - Number(names.has('$all')) });
  }

  return {
    granted(deed: Deed, name: string): void {
      // Nearly always there is none.
      if (denied.size === 0 || !denied.delete(`${deed} ${name}`)) return;
      notice(`the event store lets this user ${deed} ${kindOfPlace(name)} again`, { name });
      changed();
    },
    /** Does nothing for other errors than a denial. */
    failed(deed: Deed, name: string, error: unknown): void {
      if (kindOf(error) !== 'accessDenied') return;
      notice(`the event store denies this user the right to ${deed} ${kindOfPlace(name)}`, {
        name,
        reason: reasonOf(error),
      });
      const before = denied.size;
      if (denied.set(`${deed} ${name}`, name).size > before) changed();
    },
  };
}

/** A notice goes out once in a while only, so all streams share one. */
const kindOfPlace = (name: string) => (name === '$all' ? name : 'a stream');
