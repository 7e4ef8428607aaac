import type { Database } from 'better-sqlite3';

/** Streams, and the revision after which nothing was found in each: until somebody commits, there still is nothing. */
export interface KnownEnds {
  /** Whether the stream is known to end before this revision. */
  readonly endsBefore: (stream: string, revision: number) => boolean;
  /** Nothing was found in the stream from this revision on. */
  readonly found: (stream: string, revision: number) => void;
  /** Something has been committed, or may have been. */
  readonly lookAgain: () => void;
}

const mostStreams = 10_000;

/**
 * Saves a read for each question about a stream that is in memory. SQLite says whether any other connection has committed,
 * of this process or of another one; it is asked once in a turn of the event loop.
 */
export function knownEnds(reader: Database): KnownEnds {
  const version = reader.prepare('PRAGMA data_version').pluck();
  const ends = new Map<string, number>();
  let known: unknown;
  let isCurrent = false;

  function look(): void {
    if (isCurrent) return;
    const now = version.get();
    if (now !== known) ends.clear();
    known = now;
    isCurrent = true;
    setImmediate(() => (isCurrent = false));
  }

  return {
    endsBefore(stream, revision) {
      look();
      const end = ends.get(stream);
      return end !== undefined && end <= revision;
    },
    found(stream, revision) {
      if (ends.size >= mostStreams) ends.clear();
      ends.set(stream, revision);
    },
    lookAgain: () => (isCurrent = false),
  };
}
