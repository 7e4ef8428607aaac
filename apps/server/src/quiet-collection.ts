import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What is looked at, and what is done. */
export interface QuietCollectionOptions {
  /** The share of the time since the last call in which the event loop had work. */
  readonly busy: () => number;
  /** What the heap has taken from the system. */
  readonly heapBytes: () => number;
  readonly collect: () => void;
}

/** Above that a request could wait for a collection. */
const quietBelow = 0.1;
/** A collection that could give back less is not worth its pause. */
const worthBytes = 32 * 1024 * 1024;
/** Looks between two collections: traffic with gaps must not collect in each of them. */
const restLooks = 30;

/**
 * Collects garbage when there is nothing else to do, and the heap has grown since the last time. V8 collects as it
 * allocates: after a rush it would keep the garbage, and the room that the rush needed, until there is the next one.
 * @returns a look, to be taken each second
 */
export function quietCollection({ busy, heapBytes, collect }: QuietCollectionOptions): () => void {
  let known = heapBytes();
  let looks = restLooks;
  return () => {
    const quiet = busy() < quietBelow;
    if (++looks <= restLooks || !quiet || heapBytes() < known + worthBytes) return;
    collect();
    known = heapBytes();
    looks = 0;
  };
}

/** Does so from now on. Returns what ends it. */
export function collectWhenQuiet(): () => void {
  // Node has no function for it; contexts that are made after the flag is set have V8's.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;
  setFlagsFromString('--no-expose-gc');
  let before = performance.eventLoopUtilization();
  const look = quietCollection({
    busy() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    heapBytes: () => getHeapStatistics().total_heap_size,
    // The usual flavor frees objects, and keeps all but a little of the memory for the next ones.
    collect: () => gc({ type: 'major', flavor: 'last-resort' }),
  });
  const looking = setInterval(look, 1_000).unref();
  return () => clearInterval(looking);
}
