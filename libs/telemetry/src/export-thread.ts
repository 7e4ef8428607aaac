import { parentPort, workerData } from 'node:worker_threads';
import { diag, DiagLogLevel, type HrTime } from '@opentelemetry/api';
import { millisToHrTime, setGlobalErrorHandler } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type CollectionResult,
  type MetricProducer,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import { collectedMetrics, type CollectedMetric } from './collected-metrics.js';
import { readableSpans } from './readable-spans.js';
import type { MetricSettings, OtlpTarget, TelemetrySettings, TraceSettings } from './settings.js';
import type { SpanBatch } from './span-queue.js';

// The entry of the thread that exports. All of the SDK is here: what it does takes no time from requests.

/** To the thread. */
export type ExportRequest =
  | { readonly kind: 'spans'; readonly batch: SpanBatch }
  | { readonly kind: 'metrics'; readonly metrics: readonly CollectedMetric[] }
  | { readonly kind: 'stop' };

/** From the thread. */
export type ExportNews =
  | { readonly kind: 'taken'; readonly count: number }
  /** Asks for the metrics as they are now. */
  | { readonly kind: 'collect' }
  | { readonly kind: 'trouble'; readonly message: string };

if (!parentPort) throw new Error('This is the entry of a worker thread');
const port = parentPort;
const settings = workerData as TelemetrySettings;
const news = (message: ExportNews) => port.postMessage(message);

// Only the kind of an error and its code: an answer of the collector may repeat what it was sent.
setGlobalErrorHandler((error) => {
  const { name, code, message } = error as NodeJS.ErrnoException;
  news({ kind: 'trouble', message: [name, code ?? message].filter(Boolean).join(' ') });
});
const trouble = (message: string) => news({ kind: 'trouble', message: message.slice(0, 200) });
const quiet = () => undefined;
diag.setLogger(
  { error: trouble, warn: trouble, info: quiet, debug: quiet, verbose: quiet },
  { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
);

const resource = resourceFromAttributes(settings.resource);
const scope = { name: 'reseller-ledger', version: settings.resource['service.version'] ?? '' };

const startedAt = now();
const collecting: ((metrics: readonly CollectedMetric[]) => void)[] = [];
const producer: MetricProducer = {
  async collect(): Promise<CollectionResult> {
    const answered = Promise.withResolvers<readonly CollectedMetric[]>();
    collecting.push(answered.resolve);
    news({ kind: 'collect' });
    const metrics = collectedMetrics(await answered.promise, startedAt, now());
    return { resourceMetrics: { resource, scopeMetrics: [{ scope, metrics }] }, errors: [] };
  },
};

const processor = settings.traces && (await spanProcessor(settings.traces));
const reader = settings.metrics && (await metricReader(settings.metrics));
const meters = reader && new MeterProvider({ resource, readers: [reader] });

port.on('message', (request: ExportRequest) => {
  switch (request.kind) {
    case 'spans':
      for (const span of readableSpans(request.batch, resource, scope)) processor?.onEnd(span);
      return news({ kind: 'taken', count: request.batch.spans.length });
    case 'metrics':
      return collecting.splice(0).forEach((resolve) => resolve(request.metrics));
    case 'stop':
      return void stop();
  }
});

async function stop(): Promise<void> {
  // The last values: they are asked for, and answered, while the process that counts still lives.
  await Promise.allSettled([processor?.shutdown(), meters?.shutdown()]);
  port.close();
}

async function spanProcessor({ target, batch }: TraceSettings): Promise<BatchSpanProcessor> {
  const { OTLPTraceExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter: SpanExporter = new OTLPTraceExporter(optionsOf(target));
  return new BatchSpanProcessor({ exporter, ...batch });
}

async function metricReader({ target, intervalMs, timeoutMs }: MetricSettings): Promise<PeriodicExportingMetricReader> {
  const { OTLPMetricExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exporter: PushMetricExporter = new OTLPMetricExporter(optionsOf(target));
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: [producer],
  });
}

function now(): HrTime {
  return millisToHrTime(Date.now());
}

function optionsOf({ url, headers, compression, timeoutMs }: OtlpTarget) {
  return { url, headers: { ...headers }, timeoutMillis: timeoutMs, compression: compression as never };
}
