import { journalCodec, journaledPairOf, pairOf } from '#customer-relationship';
import { expectedHash, idOf, noPreviousHash, type RecordedEvent } from '#event-sourcing';
import type { Callers, AnsweredCommand } from './callers.js';

// What must be true of a log after callers were answered what they were answered. Each check names what is not.

/**
 * Everything that was answered is there once, as the caller was answered; and nothing else is, for every caller has waited for
 * its answer. A refusal stands in the journal, and an acceptance in the relationship; in both only what two servers have
 * decided at once.
 */
export function problemsOfRecord(log: readonly RecordedEvent[], { answered }: Pick<Callers, 'answered'>): string[] {
  const problems: string[] = [];
  const accepted = Map.groupBy(
    log.filter(({ stream }) => pairOf(stream)),
    ({ metadata }) => metadata.commandId,
  );
  const refused = Map.groupBy(
    log.filter(({ stream }) => journaledPairOf(stream)),
    ({ metadata }) => metadata.commandId,
  );
  const atPosition = new Map(log.map((event) => [String(event.position), event]));
  for (const [commandId, each] of answered) {
    const events = accepted.get(commandId) ?? [];
    const entries = refused.get(commandId) ?? [];
    const say = (what: string) => problems.push(`${each.command} ${commandId}: ${what}`);
    if (entries.length > 1) say(`refused ${entries.length} times in the journal`);
    const isAccepted = each.first.status < 300;
    const problem = (isAccepted ? ofAcceptance(each, events) : ofRefusal(each, entries)) ?? ofPlace(each, atPosition);
    if (problem) say(problem);
    if (!isAccepted && events.length > 0) say('was refused, and stands in the relationship');
    if (each.overtaken && (events.length === 0 || entries.length === 0))
      say('was both accepted and refused, and the log does not show it');
  }
  for (const [commandId, [event]] of [...accepted, ...refused])
    if (!answered.has(commandId)) problems.push(`${event!.type} of a command that nobody has sent: ${commandId}`);
  return problems;
}

function ofAcceptance({ said }: AnsweredCommand, events: readonly RecordedEvent[]): string | undefined {
  const last = events.at(-1);
  if (!last) return 'was accepted, and is not in the log';
  const types = events.map(({ type }) => type).join();
  if (types !== said.events?.join()) return `was answered with ${said.events?.join()}, and the log has ${types}`;
  if (last.revision !== said.revision || String(last.position) !== said.position)
    return `was answered with ${said.revision} at ${said.position}, and stands at ${last.revision}, ${last.position}`;
  // One append: a command is there with all of its events or not at all.
  if (events.some(({ revision }, index) => revision !== events[0]!.revision + index))
    return 'does not stand in one piece';
  if (last.metadata.correlationId !== said.correlationId)
    return 'was answered with the correlation id of another attempt';
  return undefined;
}

function ofRefusal({ said, first }: AnsweredCommand, [entry]: readonly RecordedEvent[]): string | undefined {
  if (!entry) return 'was refused, and is not in the journal';
  const { code, relationship } = journalCodec.decode(entry).data;
  if (code !== said.code) return `was answered with ${said.code}, and the journal has ${code}`;
  if (first.ledgerPosition?.split(';')[0] !== relationship.position)
    return `was answered with ${first.ledgerPosition}, and rests on ${relationship.position}`;
  if (entry.metadata.correlationId !== said.correlationId)
    return 'was answered with the correlation id of another attempt';
  return undefined;
}

/** The place that was answered names the event that stands there. */
function ofPlace({ first }: AnsweredCommand, atPosition: ReadonlyMap<string, RecordedEvent>): string | undefined {
  const [, position = '', event] = /^(\d+);ledger="[^"]+";event="([^"]+)"$/.exec(first.ledgerPosition ?? '') ?? [];
  const id = atPosition.get(position)?.id;
  return event !== undefined && id?.startsWith(event)
    ? undefined
    : `was answered with ${first.ledgerPosition}, where ${id ?? 'nothing'} stands`;
}

/** Every stream: revisions without gaps, every event tied to the one before it, and times that never go back. */
export function problemsOfChains(log: readonly RecordedEvent[]): string[] {
  const problems: string[] = [];
  for (const [stream, events] of Map.groupBy(log, (event) => event.stream))
    events.forEach((event, revision) => {
      const before = events[revision - 1];
      const say = (what: string) => problems.push(`${stream}, revision ${event.revision}: ${what}`);
      if (event.revision !== revision) say(`stands where ${revision} should`);
      if (event.metadata.previousHash !== (before?.metadata.hash ?? noPreviousHash))
        say('is not tied to the one before');
      if (event.metadata.hash !== expectedHash(event)) say('is not what its hash says');
      if (event.id !== idOf(event.metadata.hash)) say('has another id than its hash says');
      if (before && event.metadata.recordedAt < before.metadata.recordedAt) say('goes back in time');
    });
  return problems;
}
