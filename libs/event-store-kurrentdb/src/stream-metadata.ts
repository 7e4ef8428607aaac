import { LogDamaged } from '#event-sourcing';
import { kindOf } from './client-errors.js';
import type { Reader } from './reader.js';

/** What of a stream's metadata hides events: truncated before a revision (a deletion is one), a limited number, a limited age. */
const hiding = ['$tb', '$maxCount', '$maxAge'] as const;

export function hidesEvents(metadata: unknown): boolean {
  return hidingIn(metadata).length > 0;
}

/** A field that says nothing hides nothing, and truncation before the first revision is none. */
function hidingIn(metadata: unknown): readonly string[] {
  if (typeof metadata !== 'object' || metadata === null) return [];
  const fields = metadata as Readonly<Record<string, unknown>>;
  return hiding.filter(
    (field) => fields[field] !== undefined && fields[field] !== null && !(field === '$tb' && fields[field] === 0),
  );
}

/** The damage when a stream's events were deleted or truncated by hand; undefined when nothing says so. */
export async function hiddenBecause(reader: Reader, storedName: string): Promise<LogDamaged | undefined> {
  try {
    const [last] = await reader.stream(`$$${storedName}`, { from: 'end', count: 1, direction: 'backwards' });
    const found = hidingIn(last?.event?.data);
    if (found.length === 0) return undefined;
    return new LogDamaged(
      `Events of the stream ${storedName} are hidden: its metadata have ${found.join(' and ')}, by which it was deleted or truncated by hand. ` +
        `No scavenge must run now: it would make that final. Remove ${found.join(' and ')} from the metadata of the stream; if events are still missing then, restore the database from a backup.`,
    );
  } catch (error) {
    switch (kindOf(error)) {
      case 'streamMissing':
        return undefined;
      case 'tombstoned':
        return tombstoned(storedName);
      default:
        throw error;
    }
  }
}

export function tombstoned(storedName: string): LogDamaged {
  return new LogDamaged(
    `The stream ${storedName} was deleted by hand, for good (tombstoned). Restore the database from a backup made before.`,
  );
}

/** Events were taken away, and nothing says how. */
export function incomplete(storedName: string, expected: number, found: string): LogDamaged {
  return new LogDamaged(
    `The stream ${storedName} should go on with revision ${expected}, but ${found}: events are missing. Restore the database from a backup.`,
  );
}
