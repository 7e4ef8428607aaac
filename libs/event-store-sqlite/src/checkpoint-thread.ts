import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** What the thread gets when it starts. */
export interface CheckpointOrders {
  readonly path: string;
  /** Between two looks at the log, in ms. */
  readonly interval: number;
  /** From this size on, in bytes, the write-ahead log is made to restart. */
  readonly restartBytes: number;
  /** Int32 each: commits, pages not yet copied, last duration in ms, checkpoints, failed checkpoints, restarts. */
  readonly shared: SharedArrayBuffer;
}

// Beside this file, .ts when it runs from source and .js when it was built.
const body = new URL(`./wal-checkpointer${extname(import.meta.url)}`, import.meta.url);

/**
 * Copies the write-ahead log into the database in a thread of its own, so that no request waits for it. It starts again
 * should it die: without it the log would grow until the disk is full.
 */
export function checkpointThread(orders: Omit<CheckpointOrders, 'shared'>) {
  const shared = new SharedArrayBuffer(6 * Int32Array.BYTES_PER_ELEMENT);
  const counters = new Int32Array(shared);
  let stopping = false;
  let worker: Worker | undefined;
  // Not at once: a store that is opened for a moment only, as by a tool, needs no thread.
  let starting = setTimeout(start, orders.interval).unref();

  function start(): void {
    worker = new Worker(body, { workerData: { ...orders, shared } satisfies CheckpointOrders });
    worker.unref();
    worker.once('error', () => {
      Atomics.add(counters, 4, 1);
      if (!stopping) starting = setTimeout(start, 1_000).unref();
    });
  }

  return {
    /** Notifies the thread that the log has grown. */
    committed: () => void Atomics.add(counters, 0, 1),
    counts: () => ({
      uncheckpointedPages: counters[1]!,
      lastCheckpointMilliseconds: counters[2]!,
      checkpoints: counters[3]!,
      failedCheckpoints: counters[4]!,
      walRestarts: counters[5]!,
    }),
    async stop(): Promise<void> {
      stopping = true;
      clearTimeout(starting);
      if (!worker || worker.threadId === -1) return;
      // Or the process could end before the thread has let go of the file.
      worker.ref();
      const ended = new Promise((resolve) => worker?.once('exit', resolve));
      worker.postMessage('stop');
      await ended;
    },
  };
}
