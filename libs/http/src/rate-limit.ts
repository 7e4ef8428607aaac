/** What a name has left, in the fields of the IETF draft "RateLimit header fields for HTTP". */
export interface Taken {
  readonly admitted: boolean;
  /** The `RateLimit` field. */
  readonly field: string;
  /** Seconds until the window ends. */
  readonly retryAfter: number;
}

export interface RateLimit {
  /** The `RateLimit-Policy` field. */
  readonly policy: string;
  /** Takes `cost` from what the name has left in its window. A refusal takes nothing. */
  readonly take: (name: string, cost?: number) => Taken;
  /** Takes `cost`, whatever is left, for work that has been done already. */
  readonly owe: (name: string, cost: number) => Taken;
  /** What is left, without taking anything. */
  readonly look: (name: string) => Taken;
}

export interface RateLimitOptions {
  /** The name of the policy: what is counted. */
  readonly counts: string;
  readonly quota: number;
  readonly windowSeconds: number;
  /** How many names are remembered at once. The oldest is forgotten first, and starts over. */
  readonly names?: number;
}

interface Window {
  taken: number;
  /** By the clock of the process. */
  readonly endsAt: number;
}

/** Counts in windows that start with a name's first request. In memory: every server counts for itself. */
export function rateLimit({ counts, quota, windowSeconds, names = 50_000 }: RateLimitOptions): RateLimit {
  // All windows have the same length, so they end in the order of the map.
  const windows = new Map<string, Window>();

  function running(name: string): Window | undefined {
    const window = windows.get(name);
    return window && window.endsAt > performance.now() ? window : undefined;
  }

  function begun(name: string): Window {
    const window = { taken: 0, endsAt: performance.now() + windowSeconds * 1000 };
    windows.delete(name);
    windows.set(name, window);
    forget();
    return window;
  }

  function forget(): void {
    const now = performance.now();
    for (const [name, { endsAt }] of windows) {
      if (windows.size <= names && endsAt > now) return;
      windows.delete(name);
    }
  }

  function left({ taken, endsAt }: Window, admitted = taken < quota): Taken {
    const seconds = Math.max(Math.ceil((endsAt - performance.now()) / 1000), 1);
    return { admitted, field: `"${counts}";r=${Math.max(quota - taken, 0)};t=${seconds}`, retryAfter: seconds };
  }

  return {
    policy: `"${counts}";q=${quota};w=${windowSeconds}`,
    take(name, cost = 1) {
      // A cost above the quota would be refused for ever. With a cost above 1, the request itself has already taken 1.
      const points = Math.min(cost, cost === 1 ? quota : quota - 1);
      const window = running(name) ?? begun(name);
      const admitted = window.taken + points <= quota;
      if (admitted) window.taken += points;
      return left(window, admitted);
    },
    owe(name, cost) {
      const window = running(name) ?? begun(name);
      window.taken += cost;
      return left(window);
    },
    look(name) {
      const window = running(name);
      return window
        ? left(window)
        : { admitted: true, field: `"${counts}";r=${quota};t=${windowSeconds}`, retryAfter: windowSeconds };
    },
  };
}
