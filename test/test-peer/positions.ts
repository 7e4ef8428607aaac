import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { CallContext } from './call-context.js';
import type { EventLog } from './log.js';

/** Where in the records a read starts, or nothing when the position is none of an event. Backwards is from before it. */
export function startOfReadAll(
  log: EventLog,
  from: streams.ReadReq.Options.AllOptions,
  backwards: boolean,
): number | undefined {
  const position = from.getPosition();
  if (!position) return from.hasEnd() ? log.records.length - (backwards ? 1 : 0) : backwards ? -1 : 0;
  const at = indexOfPosition(log, position);
  if (at === undefined) return undefined;
  if (at === log.records.length && backwards && Number(position.getCommitPosition()) > log.end()) return undefined;
  return backwards ? at - 1 : at;
}

/** The index of the event at a position, where one is or once was; the length for what is beyond the end; else nothing. */
function indexOfPosition(log: EventLog, position: streams.ReadReq.Options.Position): number | undefined {
  const commit = Number(position.getCommitPosition());
  if (Number(position.getPreparePosition()) > commit) return undefined;
  if (commit === 0) return 0;
  const at = log.indexFrom(commit);
  return commit >= log.end() || log.records[at]?.position === commit ? at : undefined;
}

/** Where in the records a subscription goes on; nothing when the position is none of an event. */
export function startOfSubscription(
  { log, skipsAfterScavenged }: CallContext,
  from: streams.ReadReq.Options.AllOptions,
): number | undefined {
  if (from.hasEnd()) return log.records.length;
  const position = from.getPosition();
  if (!position) return 0;
  const at = indexOfPosition(log, position);
  if (at === undefined || at === log.records.length) return at;
  if (Number(position.getCommitPosition()) === 0) return 0;
  // One event is read from the position on, and what follows it is sent. When the event of the position is gone,
  // the one that is read is the next, which nobody has seen yet.
  let readFirst = at;
  if (skipsAfterScavenged) while (log.records[readFirst]?.scavenged) readFirst++;
  return readFirst + 1;
}
