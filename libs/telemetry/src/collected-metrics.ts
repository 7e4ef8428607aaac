import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';

/** A metric as prom-client gives it out: its samples with their labels. */
export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    /** Of a histogram: which of its series this is. */
    readonly metricName?: string;
  }[];
}

/** Metrics that OpenTelemetry has names for: Prometheus spells them with underscores and the unit. */
const conventional: Readonly<Record<string, { readonly name: string; readonly unit: string }>> = {
  http_server_request_duration_seconds: { name: 'http.server.request.duration', unit: 's' },
  http_server_active_requests: { name: 'http.server.active_requests', unit: '{request}' },
};
const conventionalLabels: Readonly<Record<string, string>> = {
  http_request_method: 'http.request.method',
  http_route: 'http.route',
  http_response_status_code: 'http.response.status_code',
  error_type: 'error.type',
  url_scheme: 'url.scheme',
};

/**
 * The same metrics in the form of OpenTelemetry's SDK, so that there is one place where they are counted. Summaries have no
 * counterpart there that is not deprecated, and there are none here.
 */
export function collectedMetrics(metrics: readonly CollectedMetric[], startTime: HrTime, now: HrTime): MetricData[] {
  const point = <T>(labels: Readonly<Record<string, string | number>>, value: T) => ({
    startTime,
    endTime: now,
    attributes: attributesOf(labels),
    value,
  });
  return metrics.flatMap((metric): MetricData[] => {
    const { name, help, type, values } = metric;
    const shared = {
      descriptor: {
        name: conventional[name]?.name ?? name,
        description: help,
        unit: conventional[name]?.unit ?? '',
        valueType: ValueType.DOUBLE,
      },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    };
    // What is not known now is NaN in Prometheus, and absent here.
    const points = () => values.flatMap(({ labels, value }) => (Number.isNaN(value) ? [] : [point(labels, value)]));
    switch (type) {
      case 'counter':
        return [{ ...shared, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() }];
      case 'gauge':
        return [{ ...shared, dataPointType: DataPointType.GAUGE, dataPoints: points() }];
      case 'histogram':
        return [
          {
            ...shared,
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints: histogramsOf(metric).map(({ labels, value }) => point(labels, value)),
          },
        ];
      default:
        return [];
    }
  });
}

function histogramsOf({ name, values }: CollectedMetric) {
  const series = new Map<
    string,
    { labels: Record<string, string | number>; bounds: Map<number, number>; sum: number; count: number }
  >();
  for (const { value, labels, metricName } of values) {
    const { le, ...own } = labels;
    const key = JSON.stringify(Object.entries(own).sort());
    let one = series.get(key);
    if (!one) series.set(key, (one = { labels: own, bounds: new Map(), sum: 0, count: 0 }));
    if (metricName === `${name}_sum`) one.sum = value;
    else if (metricName === `${name}_count`) one.count = value;
    else if (le !== undefined && le !== '+Inf') one.bounds.set(Number(le), value);
  }
  return [...series.values()].map(({ labels, bounds, sum, count }) => {
    const boundaries = [...bounds.keys()].sort((a, b) => a - b);
    // Prometheus counts up to each bound, OpenTelemetry between two.
    const counts = boundaries.map((bound, index) => bounds.get(bound)! - (bounds.get(boundaries[index - 1]!) ?? 0));
    counts.push(count - (bounds.get(boundaries.at(-1)!) ?? 0));
    return { labels, value: { buckets: { boundaries, counts }, sum, count } };
  });
}

function attributesOf(labels: Readonly<Record<string, string | number>>): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      conventionalLabels[name] ?? name,
      // A number in the conventions.
      name === 'http_response_status_code' ? Number(value) : value,
    ]),
  );
}
