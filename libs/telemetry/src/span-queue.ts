import type { SpanRecord } from './trace.js';

export interface SpanBatch {
  readonly spans: readonly SpanRecord[];
  /** What the times of the spans are later by than `performance.now()`, in ms since 1970. */
  readonly epoch: number;
}

const spansInABatch = 256;
const sentWithinMs = 250;
/** Spans that are on their way to the exporting thread. More of them are dropped: memory must not grow with a slow collector. */
const mostOnTheirWay = 20_000;

/** Gathers spans, so that the thread that exports them is called once for many. */
export class SpanQueue {
  /** Since the start. */
  dropped = 0;
  private pending: SpanRecord[] = [];
  private onTheirWay = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly send: (batch: SpanBatch) => void) {}

  readonly add = (span: SpanRecord): void => {
    if (this.onTheirWay + this.pending.length >= mostOnTheirWay) {
      this.dropped++;
      return;
    }
    this.pending.push(span);
    if (this.pending.length >= spansInABatch) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), sentWithinMs).unref();
  };

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.pending.length === 0) return;
    const spans = this.pending;
    this.pending = [];
    this.onTheirWay += spans.length;
    // Read anew for each batch: the system's clock may be set while the process runs.
    this.send({ spans, epoch: Date.now() - performance.now() });
  }

  /** The thread has taken a number of spans. */
  taken(count: number): void {
    this.onTheirWay -= count;
  }
}
