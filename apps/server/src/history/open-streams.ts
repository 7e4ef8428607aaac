import { nameOf, Problem, type Caller } from '#http';
import { BoundedPool } from '#pacing';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ServerHealth } from '../health/server-health.js';
import { ServedLedger } from '../served-ledger.js';

/** How many streams of the history may be open at once. */
export abstract class StreamBounds {
  abstract readonly streams: number;
  abstract readonly perCaller: number;
  /** The longest pause between two signs of life of a live stream, in ms. */
  abstract readonly saysSomethingWithin: number;
}

export const usualStreamBounds: StreamBounds = { streams: 100, perCaller: 10, saysSomethingWithin: 15_000 };

/** In ms: a longer timer would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** A stream while it is open. */
export interface OpenStream {
  /** Aborted to end the stream. */
  readonly ending: AbortController;
  readonly live: boolean;
  readonly close: () => void;
}

/** The streams that are open now. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly open = new Set<OpenStream>();
  private readonly ofCallers: BoundedPool;
  private readonly ofTenants: BoundedPool;
  private stopping = false;

  constructor(
    private readonly bounds: StreamBounds,
    private readonly health: ServerHealth,
    private readonly ledger: ServedLedger,
  ) {
    this.ofCallers = new BoundedPool({ atOnce: bounds.streams, ofOne: bounds.perCaller });
    // The rest is for other tenants, however many callers this one has.
    this.ofTenants = new BoundedPool({ ofOne: this.mostOfTenant });
  }

  private get mostOfTenant(): number {
    return Math.ceil((this.bounds.streams * 3) / 4);
  }

  /**
   * Opens a stream. A live one ends when its caller's token expires, and at once when the server stops.
   * @throws Problem 429 or 503 when too many are open
   */
  begin(caller: Caller, live: boolean): OpenStream {
    if (this.stopping) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    this.requireRoom(caller);
    const places = [this.ofCallers.enter(nameOf(caller)), this.ofTenants.enter(caller.tenant)];
    const ending = new AbortController();
    const end = () => ending.abort();
    const leftMs = Math.max(caller.expiresAt - this.ledger.clock.estimate(), 0);
    const expiry = live ? setTimeout(end, Math.min(leftMs, longestTimer)) : undefined;
    const stream: OpenStream = {
      ending,
      live,
      close: () => {
        clearTimeout(expiry);
        for (const place of places) place?.leave();
        this.open.delete(stream);
        this.health.openStreams = this.open.size;
      },
    };
    this.open.add(stream);
    this.health.openStreams = this.open.size;
    return stream;
  }

  private requireRoom(caller: Caller): void {
    const { streams, perCaller } = this.bounds;
    const wait = { 'Retry-After': '5' };
    const tooMany = (limit: number) => new Problem('TooManyStreams', { outcome: 'none', limit }, wait);
    if (this.ofCallers.taking(nameOf(caller)) >= perCaller) throw tooMany(perCaller);
    if (this.ofTenants.taking(caller.tenant) >= this.mostOfTenant) throw tooMany(this.mostOfTenant);
    if (this.open.size >= streams) throw new Problem('StreamsExhausted', { outcome: 'none' }, wait);
  }

  /** Live streams would otherwise delay the shutdown until its timeout. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const { live, ending } of this.open) if (live) ending.abort();
  }
}
