import type { Database } from 'better-sqlite3';

const mostStreams = 10_000;

/**
 * Streams, and the revision after which nothing was found in each: until the next commit, there still is nothing. It saves a
 * read for each question about a stream that is in memory. SQLite says whether any other connection has committed, of this
 * process or of another one; it is asked once in a turn of the event loop.
 */
export function knownEnds(reader: Database) {
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
    /** Whether the stream is known to end before this revision. */
    endsBefore(stream: string, revision: number): boolean {
      look();
      const end = ends.get(stream);
      return end !== undefined && end <= revision;
    },
    /** Nothing was found in the stream from this revision on. */
    found(stream: string, revision: number): void {
      if (ends.size >= mostStreams) ends.clear();
      ends.set(stream, revision);
    },
    /** Something has been committed, or may have been. */
    lookAgain: () => void (isCurrent = false),
  };
}
