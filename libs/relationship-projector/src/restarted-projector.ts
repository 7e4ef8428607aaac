import { setTimeout as delay } from 'node:timers/promises';
import { BackOff } from '#pacing';
import { startProjectorThread, type ProjectorThread, type ProjectorThreadOptions } from './projector-thread.js';

export interface RestartedProjectorOptions extends Omit<ProjectorThreadOptions, 'onCrashed'> {
  /** The thread has ended unasked; another is started after this number of ms. */
  readonly onCrashed: (error: Error, restartInMs: number) => void;
  /** Another thread has begun in its place. */
  readonly onRestarted: () => void;
  /** How long to wait before the first restart and at most, and after how long without a crash to begin anew, in ms. */
  readonly restarts?: { readonly first: number; readonly most: number; readonly calm: number };
}

/**
 * Runs the projector in a thread and starts another when it crashes: what is committed of the views holds, and the next
 * thread goes on there with a client of its own. Resolves when the first has begun.
 * @throws the error with which the first could not begin
 */
export async function startRestartedProjector({
  onCrashed,
  onRestarted,
  restarts: { first, most, calm } = { first: 1_000, most: 60_000, calm: 60_000 },
  ...options
}: RestartedProjectorOptions): Promise<ProjectorThread> {
  const stopping = new AbortController();
  const backOff = new BackOff({ first, most });
  let begunAt = performance.now();
  let restarting: Promise<void> | undefined;

  let thread = await startProjectorThread({ ...options, onCrashed: crashed });

  function crashed(error: Error): void {
    if (performance.now() - begunAt > calm) backOff.reset();
    restarting = restart(error);
  }

  async function restart(error: Error): Promise<void> {
    for (let reason = error; !stopping.signal.aborted;) {
      const pause = backOff.next();
      onCrashed(reason, pause);
      try {
        await delay(pause, undefined, { signal: stopping.signal });
        begunAt = performance.now();
        thread = await startProjectorThread({ ...options, signal: stopping.signal, onCrashed: crashed });
        onRestarted();
        return;
      } catch (again) {
        reason = again instanceof Error ? again : new Error(String(again));
      }
    }
  }

  return {
    async stop() {
      stopping.abort();
      await restarting;
      await thread.stop();
    },
  };
}
