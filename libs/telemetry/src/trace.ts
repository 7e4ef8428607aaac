import { randomFillSync } from 'node:crypto';

/** Names and values in turn: cheaper to make and to send to a thread than an object. */
export type AttributeList = readonly (string | number)[];

/** The numbers of OpenTelemetry's `SpanKind`, so that nothing of it is loaded where nothing is traced. */
export const spanKind = { internal: 0, server: 1, client: 2, consumer: 4 } as const;
export type SpanKindNumber = (typeof spanKind)[keyof typeof spanKind];

/** A span below another, of the same process. Its id is made where it is exported. */
export interface StepRecord {
  readonly name: string;
  readonly kind: SpanKindNumber;
  /** By `performance.now()` of the process, as are all times here. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly attributes: AttributeList;
  /** What went wrong, in a word; empty for nothing. */
  readonly error: string;
}

/** A span with its steps, in a form that can be sent to a thread. */
export interface SpanRecord extends StepRecord {
  readonly traceId: string;
  /** Empty: one is made where it is exported. */
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentId: string;
  readonly steps: readonly StepRecord[];
}

/** The part that this process has in a trace (W3C Trace Context). */
export interface Trace {
  readonly traceId: string;
  /** The `traceparent` of this part: same trace, a span of its own. */
  readonly traceparent: string;
  /** Where its steps are noted; undefined where the trace is not sampled here. */
  readonly span?: OpenSpan;
}

/** So many commands of one request are shown with their steps. */
const mostSteps = 512;

/** A span that has begun. What is noted must be of few different words and of identifiers: it leaves this machine. */
export class OpenSpan {
  private readonly steps: StepRecord[] = [];

  constructor(
    private readonly traceId: string,
    private readonly spanId: string,
    private readonly parentId: string,
    private readonly add: (record: SpanRecord) => void,
  ) {}

  /** Notes a step that ends now. */
  step(name: string, kind: SpanKindNumber, beganAt: number, attributes: AttributeList, error = ''): void {
    if (this.steps.length < mostSteps)
      this.steps.push({ name, kind, beganAt, endedAt: performance.now(), attributes, error });
  }

  end(name: string, kind: SpanKindNumber, beganAt: number, attributes: AttributeList, error = ''): void {
    const { traceId, spanId, parentId, steps } = this;
    this.add({
      name,
      kind,
      beganAt,
      endedAt: performance.now(),
      attributes,
      error,
      traceId,
      spanId,
      parentId,
      steps,
    });
  }
}

/** Where a trace comes from. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  /** Two hexadecimal digits. */
  readonly flags: string;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** What a `traceparent` says; undefined if there is none, or it must be ignored (W3C Trace Context, 3.2). */
export function parentOf(header: string | string[] | undefined): TraceParent | undefined {
  const match = typeof header === 'string' ? form.exec(header) : null;
  if (!match) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags };
}

export function isSampled(flags: string): boolean {
  return (Number.parseInt(flags, 16) & 1) === 1;
}

/** Begins this process's part of traces. */
export interface Tracer {
  /** Goes on with the caller's trace, or begins one. Undefined for a request that has none and gets none. */
  readonly begin: (traceparent: string | string[] | undefined) => Trace | undefined;
}

/** Passes the caller's trace on and notes nothing: what there is where nothing is exported. */
export const passOn: Tracer = { begin: passedOn };

function passedOn(header: string | string[] | undefined): Trace | undefined {
  const parent = parentOf(header);
  return parent && continued(parent);
}

/** The same trace with a span of its own, with the caller's flags. */
export function continued({ traceId, flags }: TraceParent): Trace {
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-${flags}` };
}

// Random bytes are drawn in stock: each call takes a microsecond, however few they are.
const stock = Buffer.alloc(4_096);
let used = stock.length;

/** Never only zeros, which stand for no id. */
export function randomHex(bytes: 8 | 16): string {
  if (used + bytes > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  const hex = stock.toString('hex', used, (used += bytes));
  return /[1-9a-f]/.test(hex) ? hex : randomHex(bytes);
}
