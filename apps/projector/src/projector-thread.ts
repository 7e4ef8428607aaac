import { Worker } from 'node:worker_threads';
import type { ViewFailure } from '#projector';
import type { ProjectorFiles, ProjectorNews } from './run-projector.js';

export interface ProjectorThreadOptions extends ProjectorFiles {
  /** A view has met an event that it cannot handle and has stopped; the others go on. */
  readonly onStopped: (view: string, failure: ViewFailure) => void;
  /** The events or the views cannot be used now; it is tried again. */
  readonly onTrouble: (message: string, retryInMs: number) => void;
  /** The thread has ended although nobody had told it to: no view moves any more. */
  readonly onCrashed: (error: Error) => void;
}

export interface ProjectorThread {
  /** Lets the batch in hand finish; resolves when the files are closed. */
  readonly stop: () => Promise<void>;
}

/**
 * Runs the projector in a thread of this process; resolves when it has begun.
 * @throws the error with which it could not begin: the views are another projector's or another ledger's, the events
 * cannot be opened
 */
export async function startProjectorThread({
  eventsFile,
  viewsFile,
  onStopped,
  onTrouble,
  onCrashed,
}: ProjectorThreadOptions): Promise<ProjectorThread> {
  const files: ProjectorFiles = { eventsFile, viewsFile };
  const worker = new Worker(new URL('./thread.js', import.meta.url), { name: 'projector', workerData: files });
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
        state = 'running';
        started.resolve();
        return;
      case 'stopped':
        onStopped(message.view, message.failure);
        return;
      case 'trouble':
        onTrouble(message.message, message.retryInMs);
        return;
      case 'allStopped':
        allStopped = true;
        return;
    }
  });
  worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => {
    // Every view has been reported already when all of them have stopped.
    if (state !== 'stopping' && !allStopped) fail(new Error(`The projector's thread has ended (exit code ${code})`));
    ended.resolve();
  });

  await started.promise;
  return {
    async stop() {
      if (state === 'running') {
        state = 'stopping';
        worker.postMessage('stop');
      }
      await ended.promise;
    },
  };
}
