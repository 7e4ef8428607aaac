import { Problem, type Caller } from '#http';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Condition } from '../condition.js';

/** How many streams of the history may be open at once. */
export abstract class StreamBounds {
  abstract readonly streams: number;
  abstract readonly perCaller: number;
  /** A live stream says at least so often that it is there, in ms. */
  abstract readonly saysSomethingWithin: number;
}

export const usualStreamBounds: StreamBounds = { streams: 100, perCaller: 10, saysSomethingWithin: 15_000 };

/** Of timers: longer ones would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** A stream as long as it is open. */
export interface OpenStream {
  /** Says that it is to end. */
  readonly ending: AbortController;
  readonly close: () => void;
}

/** The streams that are open now. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly open = new Map<string, Set<OpenStream>>();
  private stopping = false;

  constructor(
    private readonly bounds: StreamBounds,
    private readonly condition: Condition,
  ) {}

  /** Of callers whose name begins so; of all of them unless it is said. */
  private count(begin = ''): number {
    return this.open.entries().reduce((sum, [caller, { size }]) => sum + (caller.startsWith(begin) ? size : 0), 0);
  }

  /**
   * Opens a stream; a live one ends with the token of its caller, and with the server at once.
   * @throws Problem 429 or 503 when there are as many as there may be
   */
  begin({ tenant, id, expiresAt }: Caller, live: boolean): OpenStream {
    const { streams, perCaller } = this.bounds;
    const wait = { 'Retry-After': '5' };
    if (this.stopping) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    const caller = `${tenant} ${id}`;
    const own = this.open.get(caller) ?? new Set<OpenStream>();
    if (own.size >= perCaller) throw new Problem('TooManyStreams', { outcome: 'none', limit: perCaller }, wait);
    // However many callers a tenant has: the rest is for others.
    const ofTenant = Math.ceil((streams * 3) / 4);
    if (this.count(`${tenant} `) >= ofTenant)
      throw new Problem('TooManyStreams', { outcome: 'none', limit: ofTenant }, wait);
    if (this.count() >= streams) throw new Problem('StreamsExhausted', { outcome: 'none' }, wait);

    const ending = new AbortController();
    const end = () => ending.abort();
    const expiry = live ? setTimeout(end, Math.min(Math.max(expiresAt - Date.now(), 0), longestTimer)) : undefined;
    const stream = {
      ending,
      live,
      close: () => {
        clearTimeout(expiry);
        own.delete(stream);
        if (own.size === 0 && this.open.get(caller) === own) this.open.delete(caller);
        this.condition.openStreams = this.count();
      },
    };
    own.add(stream);
    this.open.set(caller, own);
    this.condition.openStreams = this.count();
    return stream;
  }

  /** Live streams would hold up the end for as long as it lets itself be held up. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const own of this.open.values())
      for (const stream of own as Set<OpenStream & { readonly live: boolean }>) if (stream.live) stream.ending.abort();
  }
}
