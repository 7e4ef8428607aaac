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
  /** Takes so much of what the name has left in its window; what is refused takes nothing. */
  readonly take: (name: string, cost?: number) => Taken;
  /** Takes so much, admitted or not, for what has been done already. */
  readonly owe: (name: string, cost: number) => Taken;
  /** What `take` would say, without taking anything. */
  readonly look: (name: string) => Taken;
}

export interface RateLimitOptions {
  /** Of the policy: what is counted. */
  readonly counts: string;
  readonly quota: number;
  readonly windowSeconds: number;
  /** How many names are remembered at once; the one that came first is forgotten first, and so starts anew. */
  readonly names?: number;
}

interface Window {
  taken: number;
  /** By the clock of the process. */
  readonly endsAt: number;
}

/** Counts in windows that begin with a name's first request. In memory: every server counts for itself. */
export function rateLimit({ counts, quota, windowSeconds, names = 50_000 }: RateLimitOptions): RateLimit {
  // All windows have the same length, so they end in the order in which they began, which is that of the map.
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
      // What costs more than there can ever be would be refused for ever; of many, the request itself has taken one before.
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

/** Whom a remote address stands for: in IPv6 its /64, because whoever has one address there has all of them. */
export function addressName(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return `${[...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).join(':')}::/64`;
}
