import { FlagText, Matching, OneOf, Optional, Text, WholeText } from '#http';
import { badConfiguration, StartupFailure } from '#program';
import { samplers, type OtlpTarget, type TelemetrySettings } from '#telemetry';
import { valuesOf, type Environment, type Given, type Settled } from './settings.js';

const url = /^https?:\/\/[^\s/?#]+[^\s]*$/;
const anything = /^[^]*$/;
const protocols = ['http/protobuf', 'http/json'] as const;
const compressions = ['gzip', 'none'] as const;
const exporters = ['otlp', 'none'] as const;
const collector = 'http://collector:4318';

/**
 * The variables of OpenTelemetry that this ledger reads, under the names and with the meaning that its specification gives
 * them. Nothing is exported unless an endpoint is set.
 */
export class TelemetryVariables {
  @Optional(FlagText()) OTEL_SDK_DISABLED?: boolean;
  @Optional(Matching(/^[\w. -]{1,255}$/, 'letters, digits, spaces and any of _.-', 'reseller-ledger'))
  OTEL_SERVICE_NAME?: string;
  @Optional(Text(4096)) OTEL_RESOURCE_ATTRIBUTES?: string;
  @Optional(OneOf(exporters)) OTEL_TRACES_EXPORTER?: (typeof exporters)[number];
  @Optional(OneOf(exporters)) OTEL_METRICS_EXPORTER?: (typeof exporters)[number];
  @Optional(Matching(url, 'a URL of http or https', collector)) OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  @Optional(Matching(url, 'a URL of http or https', `${collector}/v1/traces`))
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;
  @Optional(Matching(url, 'a URL of http or https', `${collector}/v1/metrics`))
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT?: string;
  // Their form is looked at below: a fault must not show them.
  @Optional(Matching(anything, 'names and values', 'authorization=Bearer%20…')) OTEL_EXPORTER_OTLP_HEADERS?: string;
  @Optional(Matching(anything, 'names and values', 'authorization=Bearer%20…'))
  OTEL_EXPORTER_OTLP_TRACES_HEADERS?: string;
  @Optional(Matching(anything, 'names and values', 'authorization=Bearer%20…'))
  OTEL_EXPORTER_OTLP_METRICS_HEADERS?: string;
  @Optional(OneOf(protocols)) OTEL_EXPORTER_OTLP_PROTOCOL?: (typeof protocols)[number];
  @Optional(OneOf(compressions)) OTEL_EXPORTER_OTLP_COMPRESSION?: (typeof compressions)[number];
  @Optional(WholeText(1, 600_000)) OTEL_EXPORTER_OTLP_TIMEOUT?: number;
  @Optional(OneOf(samplers)) OTEL_TRACES_SAMPLER?: (typeof samplers)[number];
  @Optional(Matching(/^(0(\.\d{1,9})?|1(\.0{1,9})?|\.\d{1,9})$/, 'a number from 0 to 1', '0.1'))
  OTEL_TRACES_SAMPLER_ARG?: string;
  @Optional(WholeText(1, 600_000)) OTEL_BSP_SCHEDULE_DELAY?: number;
  @Optional(WholeText(1, 600_000)) OTEL_BSP_EXPORT_TIMEOUT?: number;
  @Optional(WholeText(1, 1_000_000)) OTEL_BSP_MAX_QUEUE_SIZE?: number;
  @Optional(WholeText(1, 100_000)) OTEL_BSP_MAX_EXPORT_BATCH_SIZE?: number;
  @Optional(WholeText(100, 86_400_000)) OTEL_METRIC_EXPORT_INTERVAL?: number;
  @Optional(WholeText(1, 600_000)) OTEL_METRIC_EXPORT_TIMEOUT?: number;
}

/** What is exported; undefined settings: nothing. Faults are one line each, without a secret. */
export function telemetryOf(
  value: TelemetryVariables,
  given: Given<TelemetryVariables>,
): Settled<TelemetrySettings | undefined> {
  const faults: string[] = [];
  const pairs = (name: keyof TelemetryVariables) => {
    const read = pairsIn(given[name] ?? '');
    if (!read) faults.push(`${name} must be names with = and values, percent-encoded, separated by commas`);
    return read ?? {};
  };
  const headers = pairs('OTEL_EXPORTER_OTLP_HEADERS');
  const traceHeaders = pairs('OTEL_EXPORTER_OTLP_TRACES_HEADERS');
  const metricHeaders = pairs('OTEL_EXPORTER_OTLP_METRICS_HEADERS');
  const attributes = pairs('OTEL_RESOURCE_ATTRIBUTES');
  const maxQueueSize = value.OTEL_BSP_MAX_QUEUE_SIZE ?? 16_384;
  const maxExportBatchSize = value.OTEL_BSP_MAX_EXPORT_BATCH_SIZE ?? Math.min(2_048, maxQueueSize);
  if (maxExportBatchSize > maxQueueSize)
    faults.push('OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be more than OTEL_BSP_MAX_QUEUE_SIZE');
  if (value.OTEL_SDK_DISABLED || faults.length > 0) return { settings: undefined, faults };

  const target = (of: string | undefined, path: string, own: Record<string, string>): OtlpTarget | undefined => {
    const base = value.OTEL_EXPORTER_OTLP_ENDPOINT;
    const at = of ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}${path}`);
    if (at === undefined) return undefined;
    return {
      url: at,
      protocol: value.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf',
      headers: { ...headers, ...own },
      compression: value.OTEL_EXPORTER_OTLP_COMPRESSION ?? 'none',
      timeoutMs: value.OTEL_EXPORTER_OTLP_TIMEOUT ?? 10_000,
    };
  };
  const traces =
    value.OTEL_TRACES_EXPORTER === 'none'
      ? undefined
      : target(value.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, '/v1/traces', traceHeaders);
  const metrics =
    value.OTEL_METRICS_EXPORTER === 'none'
      ? undefined
      : target(value.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, '/v1/metrics', metricHeaders);
  if (!traces && !metrics) return { settings: undefined, faults };
  return {
    faults,
    settings: {
      resource: {
        ...attributes,
        ...(value.OTEL_SERVICE_NAME === undefined ? {} : { 'service.name': value.OTEL_SERVICE_NAME }),
      },
      ...(traces
        ? {
            traces: {
              target: traces,
              sampler: value.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on',
              ratio: Number(value.OTEL_TRACES_SAMPLER_ARG ?? 1),
              batch: {
                scheduledDelayMillis: value.OTEL_BSP_SCHEDULE_DELAY ?? 1_000,
                exportTimeoutMillis: value.OTEL_BSP_EXPORT_TIMEOUT ?? 30_000,
                maxQueueSize,
                maxExportBatchSize,
              },
            },
          }
        : {}),
      ...(metrics
        ? {
            metrics: {
              target: metrics,
              intervalMs: value.OTEL_METRIC_EXPORT_INTERVAL ?? 60_000,
              timeoutMs: value.OTEL_METRIC_EXPORT_TIMEOUT ?? 30_000,
            },
          }
        : {}),
    },
  };
}

/** For a program that reads nothing else of the configuration. @throws StartupFailure with one line for every fault */
export function telemetryFrom(env: Environment): TelemetrySettings | undefined {
  const { value, given, faults } = valuesOf(TelemetryVariables, env);
  const { settings, faults: more } = telemetryOf(value, given);
  const all = [...faults, ...more];
  if (all.length > 0)
    throw new StartupFailure(
      `The configuration is not right:\n${all.map((fault) => `  ${fault}`).join('\n')}`,
      badConfiguration,
    );
  return settings;
}

/** `name=value,name=value`, both percent-encoded (W3C Baggage, as OpenTelemetry's specification asks); undefined where they are not. */
function pairsIn(text: string): Record<string, string> | undefined {
  const pairs: Record<string, string> = {};
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const match = /^\s*([\w.!#$%&'*+^`|~/-]+)\s*=\s*([\x20-\x7e]*?)\s*$/.exec(part);
    if (!match) return undefined;
    try {
      pairs[decodeURIComponent(match[1]!)] = decodeURIComponent(match[2]!);
    } catch {
      return undefined;
    }
  }
  return pairs;
}
