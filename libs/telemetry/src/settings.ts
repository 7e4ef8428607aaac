/** Where one signal goes. Plain values, because they are sent to a thread. */
export interface OtlpTarget {
  /** The whole address, such as http://collector:4318/v1/traces. It may hold a password. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** Secrets: for the exporter alone, never for a log. */
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'gzip' | 'none';
  readonly timeoutMs: number;
}

export const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export interface TraceSettings {
  readonly target: OtlpTarget;
  readonly sampler: (typeof samplers)[number];
  /** The share of traces that are sampled, from 0 to 1, for the samplers by ratio. */
  readonly ratio: number;
  readonly batch: {
    readonly scheduledDelayMillis: number;
    readonly maxQueueSize: number;
    readonly maxExportBatchSize: number;
    readonly exportTimeoutMillis: number;
  };
}

export interface MetricSettings {
  readonly target: OtlpTarget;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** What is exported, and where to, by the OpenTelemetry protocol. */
export interface TelemetrySettings {
  /** Of all signals, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly traces?: TraceSettings;
  readonly metrics?: MetricSettings;
}
