import { Worker } from 'node:worker_threads';
import type { ViewFailure } from '#projector';
import type { StoreMetrics } from '#event-log';
import type { SpanRecord } from '#telemetry';
import type { ProjectorNews, ProjectorPlaces } from './run-projector.js';

export interface ProjectorThreadOptions extends ProjectorPlaces {
  /** Ends a thread that has not started yet, because its database is not there. */
  readonly signal?: AbortSignal;
  /** Events of sampled traces are in the views. Times are in ms since 1970. */
  readonly onProjected?: (spans: readonly SpanRecord[]) => void;
  /** A view has met an event that it cannot handle and has stopped; the others go on. */
  readonly onStopped: (view: string, failure: ViewFailure) => void;
  /** The events or the views cannot be used now. The projector retries, which does not help where the log or the views are damaged. */
  readonly onTrouble: (
    message: string,
    retryInMs: number | undefined,
    of: { readonly damaged: boolean; readonly viewsDamaged: boolean },
  ) => void;
  /** Something that an operator should know about its connection to the database. */
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** The counters of its connection to the database since it was opened. */
  readonly onMetrics?: (metrics: StoreMetrics) => void;
  /** The thread has crashed: no view moves any more. */
  readonly onCrashed: (error: Error) => void;
}

export interface ProjectorThread {
  /** Lets the batch in hand finish; resolves when the files are closed. */
  readonly stop: () => Promise<void>;
}

/**
 * Runs the projector in a thread of this process; resolves when it has started.
 * @throws the error that kept it from starting: the views are another projector's or another ledger's, or the events
 * cannot be opened
 */
export async function startProjectorThread({
  log,
  viewsFile,
  traced = false,
  signal,
  onProjected,
  onStopped,
  onTrouble,
  onNotice,
  onMetrics,
  onCrashed,
}: ProjectorThreadOptions): Promise<ProjectorThread> {
  signal?.throwIfAborted();
  const places: ProjectorPlaces = { log, viewsFile, traced };
  const worker = new Worker(new URL('./thread.js', import.meta.url), { name: 'projector', workerData: places });
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let state: 'starting' | 'running' | 'stopping' | 'crashed' = 'starting';
  let allStopped = false;

  function fail(error: Error): void {
    if (state === 'starting') started.reject(error);
    else if (state !== 'crashed') onCrashed(error);
    state = 'crashed';
  }

  worker.on('message', (message: ProjectorNews) => {
    switch (message.news) {
      case 'started':
        if (state === 'starting') state = 'running';
        return started.resolve();
      case 'projected':
        return onProjected?.(message.spans);
      case 'stopped':
        return onStopped(message.view, message.failure);
      case 'trouble':
        return onTrouble(message.message, message.retryInMs, message);
      case 'notice':
        return onNotice?.(message.message, message.details);
      case 'metrics':
        return onMetrics?.(message.metrics);
      case 'allStopped':
        allStopped = true;
        return;
    }
  });
  worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => {
    if (state === 'stopping') started.resolve();
    // Where all views have stopped, each has been reported already.
    else if (!allStopped) fail(new Error(`The projector's thread has ended (exit code ${code})`));
    ended.resolve();
  });

  async function stop(): Promise<void> {
    if (state === 'starting' || state === 'running') {
      state = 'stopping';
      worker.postMessage('stop');
    }
    await ended.promise;
  }

  const giveUp = () => void stop();
  signal?.addEventListener('abort', giveUp, { once: true });
  await started.promise.finally(() => signal?.removeEventListener('abort', giveUp));
  if (signal?.aborted) await ended.promise;
  signal?.throwIfAborted();
  return { stop };
}
