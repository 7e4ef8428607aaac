import { Optional, WholeText } from '#http';

export class PastViewVariables {
  @Optional(WholeText(1, 64)) AS_OF_AT_ONCE?: number;
  @Optional(WholeText(0, 10_000)) AS_OF_WAITING?: number;
  @Optional(WholeText(1, 10_000)) AS_OF_KEPT?: number;
  @Optional(WholeText(1, 1_048_576)) AS_OF_KEPT_MIB?: number;
  @Optional(WholeText(0, 1_048_576)) AS_OF_FREE_MIB?: number;
  @Optional(WholeText(1, 86_400)) AS_OF_IDLE_SECONDS?: number;
}

/** How many views of the past may be kept and projected at once. */
export interface PastViewsBounds {
  /** Views that are projected at the same time. */
  readonly atOnce: number;
  /** Views that wait for their turn; at most half of them for one partner. */
  readonly waiting: number;
  /** Views that are kept for more pages and questions, and their total size. */
  readonly kept: number;
  readonly keptBytes: number;
  /** What is left free on the disk: the log is on it too, and questions about the past must not stop commands. */
  readonly freeBytes: number;
  /** How long an unused view is kept, in seconds. */
  readonly idleSeconds: number;
}

export function pastViewsOf(value: PastViewVariables): PastViewsBounds {
  return {
    atOnce: value.AS_OF_AT_ONCE ?? 2,
    waiting: value.AS_OF_WAITING ?? 20,
    kept: value.AS_OF_KEPT ?? 20,
    keptBytes: (value.AS_OF_KEPT_MIB ?? 2_048) * 1024 * 1024,
    freeBytes: (value.AS_OF_FREE_MIB ?? 256) * 1024 * 1024,
    idleSeconds: value.AS_OF_IDLE_SECONDS ?? 600,
  };
}
