import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

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
  readonly take: (name: string, cost?: number) => Promise<Taken>;
  /** Takes so much, admitted or not, for what has been done already. */
  readonly owe: (name: string, cost: number) => Promise<Taken>;
  /** What `take` would say, without taking anything. */
  readonly look: (name: string) => Promise<Taken>;
}

export interface RateLimitOptions {
  /** Of the policy: what is counted. */
  readonly counts: string;
  readonly quota: number;
  readonly windowSeconds: number;
  /** How many names are remembered at once; the one that came first is forgotten first, and so starts anew. */
  readonly names?: number;
}

/** Counts in windows that begin with a name's first request. In memory: every server counts for itself. */
export function rateLimit({ counts, quota, windowSeconds, names = 50_000 }: RateLimitOptions): RateLimit {
  const limiter = new RateLimiterMemory({ points: quota, duration: windowSeconds });
  // In the order in which they came. The limiter forgets names with their windows, which alone bounds nothing.
  const remembered = new Set<string>();

  function remember(name: string): void {
    remembered.delete(name);
    remembered.add(name);
    if (remembered.size <= names) return;
    const [oldest] = remembered;
    remembered.delete(oldest!);
    void limiter.delete(oldest!);
  }

  function taken(admitted: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes): Taken {
    const seconds = Math.max(Math.ceil(msBeforeNext / 1000), 1);
    return { admitted, field: `"${counts}";r=${remainingPoints};t=${seconds}`, retryAfter: seconds };
  }

  return {
    policy: `"${counts}";q=${quota};w=${windowSeconds}`,
    async take(name, cost = 1) {
      // What costs more than there can ever be would be refused for ever; of many, the request itself has taken one before.
      const points = Math.min(cost, cost === 1 ? quota : quota - 1);
      try {
        const state = await limiter.consume(name, points);
        if (state.isFirstInDuration) remember(name);
        return taken(true, state);
      } catch (state) {
        if (state instanceof Error) throw state;
        return taken(false, await limiter.reward(name, points));
      }
    },
    async owe(name, cost) {
      const state = await limiter.penalty(name, cost);
      if (state.isFirstInDuration) remember(name);
      return taken(state.remainingPoints > 0, state);
    },
    async look(name) {
      const state = await limiter.get(name);
      return state === null
        ? { admitted: true, field: `"${counts}";r=${quota};t=${windowSeconds}`, retryAfter: windowSeconds }
        : taken(state.remainingPoints > 0, state);
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
