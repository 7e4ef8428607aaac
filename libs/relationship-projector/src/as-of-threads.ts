import { Worker } from 'node:worker_threads';
import type { Past, Until } from '#projector';
import type { EventLog } from '#event-log';

/** Views to be projected as they stood, into a file of their own. */
export interface PastToProject {
  readonly views: readonly string[];
  readonly path: string;
  readonly until: Until;
}

export interface PastThreadData {
  readonly log: EventLog;
  readonly ledgerId: string;
}

export type PastOrder =
  | { readonly order: 'project'; readonly past: PastToProject }
  | { readonly order: 'cancel' }
  | { readonly order: 'end' };

/** Why a view was not projected: the store is unavailable, the log is damaged or newer than this release, or something else. */
export type PastFailure = 'cancelled' | 'unavailable' | 'damaged' | 'outdated' | 'unexpected';

export type PastNews =
  | { readonly news: 'progress'; readonly position: number }
  | { readonly news: 'projected'; readonly past: Past }
  | { readonly news: 'failed'; readonly failure: PastFailure; readonly message: string }
  | { readonly news: 'notice'; readonly message: string; readonly details: Readonly<Record<string, unknown>> };

export class PastNotProjected extends Error {
  override readonly name = 'PastNotProjected';
  constructor(
    readonly failure: PastFailure,
    message: string,
  ) {
    super(message);
  }
}

export interface PastThreads {
  /** @throws PastNotProjected */
  readonly project: (
    past: PastToProject,
    options: { readonly signal: AbortSignal; readonly onProgress: (position: number) => void },
  ) => Promise<Past>;
  readonly close: () => Promise<void>;
}

export interface PastThreadsOptions extends PastThreadData {
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** How long a thread may be idle before it ends, with its connection and its memory (ms, default 2,000). */
  readonly idleMs?: number;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Threads that project views as they stood: one for each request at a time, each used again. Commands never wait for them.
 */
export function pastThreads({ onNotice, idleMs = 2_000, ...data }: PastThreadsOptions): PastThreads {
  const all = new Set<Thread>();
  const idle: Thread[] = [];

  function startThread(): Thread {
    const worker = new Worker(new URL('./as-of-thread.js', import.meta.url), {
      name: 'as-of',
      workerData: data,
      // The memory of one fold is bounded (rows of a transaction and a cache); this guards against mistakes.
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 2 },
    });
    const ended = Promise.withResolvers<void>();
    const thread: Thread = { worker, ended: ended.promise, idle: undefined };
    all.add(thread);
    worker.on('message', (message: PastNews) => {
      if (message.news === 'notice') onNotice?.(message.message, message.details);
    });
    // An error ends the thread, so it gets no further requests. Its caller has a listener of its own.
    worker.on('error', () => all.delete(thread));
    worker.on('exit', () => {
      all.delete(thread);
      clearTimeout(thread.idle);
      const index = idle.indexOf(thread);
      if (index >= 0) idle.splice(index, 1);
      ended.resolve();
    });
    return thread;
  }

  function rest(thread: Thread): void {
    if (!all.has(thread)) return;
    idle.push(thread);
    thread.idle = setTimeout(() => {
      idle.splice(idle.indexOf(thread), 1);
      thread.worker.postMessage({ order: 'end' } satisfies PastOrder);
    }, idleMs);
    thread.idle.unref();
  }

  return {
    project(past, { signal, onProgress }) {
      const thread = idle.pop() ?? startThread();
      clearTimeout(thread.idle);
      const { worker } = thread;
      const settled = Promise.withResolvers<Past>();
      const fail = (failure: PastFailure, message: string) => settled.reject(new PastNotProjected(failure, message));
      const onMessage = (message: PastNews) => {
        if (message.news === 'progress') onProgress(message.position);
        else if (message.news === 'projected') settled.resolve(message.past);
        else if (message.news === 'failed') fail(message.failure, message.message);
      };
      const onError = (error: unknown) => fail('unexpected', error instanceof Error ? error.message : String(error));
      const onExit = () => fail('unexpected', 'The thread has ended');
      const cancel = () => worker.postMessage({ order: 'cancel' } satisfies PastOrder);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      signal.addEventListener('abort', cancel);
      worker.postMessage({ order: 'project', past } satisfies PastOrder);
      if (signal.aborted) cancel();
      return settled.promise.finally(() => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        signal.removeEventListener('abort', cancel);
        rest(thread);
      });
    },
    async close() {
      const ending = [...all];
      for (const { worker } of ending) worker.postMessage({ order: 'end' } satisfies PastOrder);
      // A thread that does not end holds nothing that is needed: its files are emptied at the next start.
      const late = setTimeout(() => ending.forEach(({ worker }) => void worker.terminate()), 2_000);
      await Promise.all(ending.map(({ ended }) => ended));
      clearTimeout(late);
    },
  };
}
