import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { pairOf, relationshipCodec } from '#customer-relationship';
import { EventOfNewerRelease, LogDamaged, StoreUnavailable } from '#event-sourcing';
import { projectPast } from '#projector';
import { relationshipViews } from '#read-models';
import type { PastFailure, PastNews, PastOrder, PastThreadData } from './as-of-threads.js';
import { openEventLog } from '#event-log';

// The entry of a thread that projects views as they stood, one at a time, with a connection of its own to the log.
if (!parentPort) throw new Error('This is the entry of a worker thread');
const port = parentPort;
const report = (news: PastNews) => port.postMessage(news);

// On Linux every thread has a priority: commands and live views go first where there are few processors.
try {
  setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), constants.priority.PRIORITY_LOW);
} catch {
  // Other systems have no priority for a thread.
}

const { log, ledgerId } = workerData as PastThreadData;
const opened = await openEventLog(log, {
  readOnly: true,
  onNotice: (message, details) => report({ news: 'notice', message, details }),
});
let current: AbortController | undefined;

async function project({ views, path, until }: Extract<PastOrder, { order: 'project' }>['past']): Promise<void> {
  const projections = relationshipViews.filter(({ name }) => views.includes(name));
  if (projections.length < views.length) throw new Error(`There are no views ${views.join(', ')}`);
  current = new AbortController();
  const { signal } = current;
  const onProgress = (position: number) => report({ news: 'progress', position });
  try {
    await opened.connect();
    const { store } = opened;
    const log = { store, codec: relationshipCodec, subjectOf: pairOf, ledgerId };
    const past = await projectPast({ ...log, projections, path, until, signal, onProgress });
    report({ news: 'projected', past });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report({ news: 'failed', failure: signal.aborted ? 'cancelled' : failureOf(error), message });
  } finally {
    current = undefined;
  }
}

// An error that leaves a thread loses its class.
function failureOf(error: unknown): PastFailure {
  if (error instanceof LogDamaged) return 'damaged';
  if (error instanceof EventOfNewerRelease) return 'outdated';
  return error instanceof StoreUnavailable ? 'unavailable' : 'unexpected';
}

let working: Promise<void> = Promise.resolve();
port.on('message', (order: PastOrder) => {
  switch (order.order) {
    case 'project':
      working = project(order.past);
      return;
    case 'cancel':
      return current?.abort();
    case 'end':
      current?.abort();
      void working.then(() => opened.store.close()).then(() => port.close());
      return;
  }
});
