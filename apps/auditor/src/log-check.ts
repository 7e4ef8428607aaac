import { chainFaults, LogDamaged, noPreviousHash, type EventStore, type RecordedEvent } from '#event-sourcing';
import type { IntegrityFinding, IntegrityProblem, IntegrityReport } from '#event-store-sqlite';

interface Predecessor {
  readonly revision: number;
  readonly hash: string;
}

/**
 * Checks a log by reading it once through the port, whichever store it is in: that positions grow, that every stream
 * counts 0, 1, 2, …, and that every event matches its hash, its id and the event before it. Servers may run meanwhile:
 * it checks what was in the log when it started. Memory grows with the number of streams. It reads on after the damage
 * of one stream; where the store cannot read on, it answers the findings so far and that one.
 * @throws StoreUnavailable
 */
export async function checkLog(
  store: EventStore,
  onProgress: (position: number, head: number) => void = () => undefined,
): Promise<IntegrityReport> {
  const findings: IntegrityFinding[] = [];
  const streams = new Map<string, Predecessor>();
  const reading = new AbortController();
  let events = 0;
  let position = 0;
  const reported = new Set<string>();
  // The same damage may be reported twice; it is one finding.
  const unreadable = ({ message }: LogDamaged) => {
    if (!reported.has(message)) findings.push({ problem: 'unreadable', message });
    reported.add(message);
  };
  try {
    const head = await store.head();
    if (head > 0)
      for await (const batch of store.subscribe({ after: 0, signal: reading.signal, onDamage: unreadable })) {
        for (const event of batch.events) {
          if (event.position > head) break;
          findings.push(...faultsOf(event, streams.get(event.stream), position));
          streams.set(event.stream, { revision: event.revision, hash: event.metadata.hash });
          position = event.position;
          events++;
        }
        onProgress(Math.min(batch.position, head), head);
        if (batch.position >= head) break;
      }
    if (position < head)
      findings.push({
        problem: 'positionMissing',
        position: head,
        message: `The log ends at position ${head}, but the last event that can be read stands at ${position}`,
      });
  } catch (error) {
    if (!(error instanceof LogDamaged)) throw error;
    unreadable(error);
  } finally {
    reading.abort();
  }
  return { events, streams: streams.size, position, findings };
}

function faultsOf(event: RecordedEvent, before: Predecessor | undefined, lastPosition: number): IntegrityFinding[] {
  const { stream, revision, position } = event;
  const findings: IntegrityFinding[] = [];
  const found = (problem: IntegrityProblem, message: string) =>
    findings.push({
      problem,
      message: `${message} (stream ${stream}, revision ${revision}, position ${position})`,
      position,
      stream,
      revision,
    });
  const due = (before?.revision ?? -1) + 1;
  if (revision !== due) found('revisionGap', `Revision ${due} should come next`);
  if (position <= lastPosition) found('positionOutOfOrder', `It was delivered after position ${lastPosition}`);
  for (const { problem, message } of chainFaults(event, before?.hash ?? noPreviousHash)) found(problem, message);
  return findings;
}
