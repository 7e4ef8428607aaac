import type { status } from '@grpc/grpc-js';

/** What goes wrong with one call. */
export type Fault =
  /** Nothing is done; the call ends with this. A read or subscription first sends `after` events. On a batch the whole stream ends. */
  | {
      readonly do: 'fail';
      readonly code: status;
      readonly message?: string;
      readonly metadata?: Readonly<Record<string, string>>;
      readonly after?: number;
    }
  /** Batch only: nothing is done, and this one append is answered with an error of that text. */
  | { readonly do: 'refuse'; readonly message: string }
  | { readonly do: 'delay'; readonly ms: number }
  /** Nothing is done and nothing is ever answered. A read or subscription first sends `after` events. */
  | { readonly do: 'ignore'; readonly after?: number }
  /** It is done, and the answer never comes; with `then`, the connections or the node go with it. */
  | { readonly do: 'loseAnswer'; readonly then?: 'cut' | 'kill' }
  /** Batch only: done, answered, and answered once more as the server does when its own time limit has passed. */
  | { readonly do: 'answerTwice'; readonly ms?: number };

/** What a fault can be made to depend on. */
export interface FaultyCall {
  /** Counted from 1. */
  readonly node: number;
  readonly stream?: string | undefined;
  readonly eventIds?: readonly string[];
}

export interface FaultOptions {
  /** How many calls it happens to (default 1). `Infinity`: until it is removed. */
  readonly times?: number;
  readonly when?: (call: FaultyCall) => boolean;
}

export const faultPoints = [
  'features',
  'gossip',
  'append',
  'batch',
  'read',
  'subscribe',
  'delete',
  'tombstone',
  'health',
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export type Faults = ReturnType<typeof createFaults>;

export function createFaults() {
  const planned = new Map<FaultPoint, { fault: Fault; left: number; when: (call: FaultyCall) => boolean }[]>(
    faultPoints.map((point) => [point, []]),
  );

  const plan =
    (point: FaultPoint) =>
    /** Answers what removes the fault again. */
    (fault: Fault, { times = 1, when = () => true }: FaultOptions = {}): (() => void) => {
      const entry = { fault, left: times, when };
      planned.get(point)?.push(entry);
      return () => void (entry.left = 0);
    };

  return {
    onFeatures: plan('features'),
    onGossip: plan('gossip'),
    onAppend: plan('append'),
    onBatch: plan('batch'),
    onRead: plan('read'),
    onSubscribe: plan('subscribe'),
    onDelete: plan('delete'),
    onTombstone: plan('tombstone'),
    onHealth: plan('health'),
    /** Removes all of them. */
    clear(): void {
      for (const entries of planned.values()) entries.length = 0;
    },
    /** The fault that this call has. */
    take(point: FaultPoint, call: FaultyCall): Fault | undefined {
      const entries = planned.get(point) ?? [];
      if (entries.length === 0) return undefined;
      const entry = entries.find(({ left, when }) => left > 0 && when(call));
      if (entry) entry.left--;
      planned.set(
        point,
        entries.filter(({ left }) => left > 0),
      );
      return entry?.fault;
    },
  };
}
