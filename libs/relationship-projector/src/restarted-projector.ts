import { setTimeout as delay } from 'node:timers/promises';
import { BackOff } from '#pacing';
import { startProjectorThread, type ProjectorThread, type ProjectorThreadOptions } from './projector-thread.js';

export interface RestartedProjectorOptions extends Omit<ProjectorThreadOptions, 'onCrashed'> {
  /** The thread has crashed; another is started after this number of ms. */
  readonly onCrashed: (error: Error, restartInMs: number) => void;
  /** Another thread has started in its place. */
  readonly onRestarted: () => void;
  /** In ms: the first and the longest wait before a restart, and how long without a crash resets the wait. */
  readonly restarts?: { readonly first: number; readonly most: number; readonly calm: number };
}

/**
 * Runs the projector in a thread and starts another when it crashes. Committed rows stay, and the next thread continues
 * there with a client of its own. Resolves when the first has started.
 * @throws the error that kept the first from starting
 */
export async function startRestartedProjector({
  onCrashed,
  onRestarted,
  restarts: { first, most, calm } = { first: 1_000, most: 60_000, calm: 60_000 },
  ...options
}: RestartedProjectorOptions): Promise<ProjectorThread> {
  const stopping = new AbortController();
  const backOff = new BackOff({ first, most });
  let startedAt = performance.now();
  let restarting: Promise<void> | undefined;

  let thread = await startProjectorThread({ ...options, onCrashed: crashed });

  function crashed(error: Error): void {
    if (performance.now() - startedAt > calm) backOff.reset();
    restarting = restart(error);
  }

  async function restart(error: Error): Promise<void> {
    for (let reason = error; !stopping.signal.aborted;) {
      const pause = backOff.next();
      onCrashed(reason, pause);
      try {
        await delay(pause, undefined, { signal: stopping.signal });
        startedAt = performance.now();
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
