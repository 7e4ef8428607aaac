import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { CollectedMetric } from './collected-metrics.js';
import type { ExportNews, ExportRequest } from './export-thread.js';
import { samplerOf, type SampleRoot } from './sampling.js';
import type { TelemetrySettings } from './settings.js';
import { SpanQueue } from './span-queue.js';
import { continued, OpenSpan, parentOf, passOn, randomHex, type SpanRecord, type Tracer } from './trace.js';

export interface TelemetryParts {
  readonly settings: TelemetrySettings;
  /** The program, where the settings say nothing else. */
  readonly service: { readonly name: string; readonly version: string };
  /** What could not be exported, and why; nothing secret. Called as often as it happens. */
  readonly onTrouble: (message: string) => void;
}

export interface Telemetry extends Tracer {
  /** Takes finished spans of another thread, whose times are in ms since 1970. */
  readonly add: (spans: readonly SpanRecord[]) => void;
  /** From now on these metrics are exported, as they are when they are collected. */
  readonly exportMetrics: (collect: () => Promise<readonly CollectedMetric[]>) => void;
  /** Whether spans are exported at all. */
  readonly isTracing: boolean;
  /** Spans that were dropped because the exporting thread could not keep up. */
  readonly dropped: () => number;
  /** Exports what there is, for a few seconds at most. */
  readonly stop: () => Promise<void>;
}

/** A collector that does not answer must not keep a process from ending. */
const flushedWithinMs = 3_000;

/**
 * Exports traces and metrics by the OpenTelemetry protocol. The SDK runs in a thread: this process notes what happened, in a
 * few microseconds for a request, and sends it there in batches. A collector that is slow or away costs nothing here: what
 * finds no room is dropped and counted.
 */
export async function openTelemetry({ settings: given, service, onTrouble }: TelemetryParts): Promise<Telemetry> {
  const settings: TelemetrySettings = {
    ...given,
    resource: {
      'service.name': service.name,
      'service.version': service.version,
      'service.instance.id': randomUUID(),
      ...given.resource,
    },
  };
  const sampled = settings.traces ? await samplerOf(settings.traces) : undefined;
  // Without the environment: the SDK reads what the settings say, and nothing else.
  const worker = new Worker(new URL('./export-thread.js', import.meta.url), {
    name: 'telemetry',
    workerData: settings,
    env: {},
  });
  worker.unref();
  let collect = (): Promise<readonly CollectedMetric[]> => Promise.resolve([]);
  const request = (message: ExportRequest) => worker.postMessage(message);
  const queue = new SpanQueue((batch) => request({ kind: 'spans', batch }));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('error', (error: unknown) =>
    onTrouble(`the exporting thread has ended: ${error instanceof Error ? error.message : String(error)}`),
  );
  worker.on('message', (news: ExportNews) => {
    switch (news.kind) {
      case 'taken':
        return queue.taken(news.count);
      case 'collect':
        return void collect().then(
          (metrics) => request({ kind: 'metrics', metrics }),
          () => request({ kind: 'metrics', metrics: [] }),
        );
      case 'trouble':
        return onTrouble(news.message);
    }
  });

  async function stop(): Promise<void> {
    queue.flush();
    request({ kind: 'stop' });
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, flushedWithinMs);
    await Promise.race([ended, late.promise]);
    clearTimeout(timer);
    await worker.terminate();
  }

  return {
    begin: sampled ? beginning(sampled, queue.add) : passOn.begin,
    add(spans) {
      const { timeOrigin } = performance;
      for (const span of spans)
        queue.add({ ...span, beganAt: span.beganAt - timeOrigin, endedAt: span.endedAt - timeOrigin });
    },
    exportMetrics: (metrics) => void (collect = metrics),
    isTracing: sampled !== undefined,
    dropped: () => queue.dropped,
    stop,
  };
}

function beginning(sampled: SampleRoot, add: (span: SpanRecord) => void): Tracer['begin'] {
  return (header) => {
    const parent = header === undefined ? undefined : parentOf(header);
    const traceId = parent?.traceId ?? randomHex(16);
    // One that is not sampled costs nothing more than without telemetry.
    if (!sampled(traceId, parent)) return parent && continued({ ...parent, flags: '00' });
    const spanId = randomHex(8);
    return {
      traceId,
      traceparent: `00-${traceId}-${spanId}-01`,
      span: new OpenSpan(traceId, spanId, parent?.spanId ?? '', add),
    };
  };
}
