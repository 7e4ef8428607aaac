import { expect, it } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { collectedMetrics, type CollectedMetric } from './collected-metrics.js';

const collected = async (registry: Registry) =>
  collectedMetrics((await registry.getMetricsAsJSON()) as unknown as CollectedMetric[], [1, 0], [2, 0]);

it('counters, gauges and histograms have the form of OpenTelemetry, with its names where there are any', async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'things_total', help: 'Things', labelNames: ['of'], registers }).inc({ of: 'one' }, 3);
  new Gauge({ name: 'known', help: 'Known', registers }).set(7);
  new Gauge({ name: 'unknown', help: 'Not known now', registers }).set(NaN);
  const durations = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Durations',
    labelNames: ['http_request_method', 'http_response_status_code'],
    buckets: [1, 2],
    registers,
  });
  for (const seconds of [0.5, 1.5, 1.5, 9])
    durations.observe({ http_request_method: 'GET', http_response_status_code: '200' }, seconds);

  const [things, known, unknown, histogram] = await collected(registry);
  expect(things).toMatchObject({ isMonotonic: true, dataPoints: [{ attributes: { of: 'one' }, value: 3 }] });
  expect(known).toMatchObject({ dataPoints: [{ value: 7 }] });
  expect(unknown!.dataPoints).toEqual([]);
  expect(histogram).toMatchObject({
    descriptor: { name: 'http.server.request.duration', unit: 's' },
    dataPoints: [
      {
        startTime: [1, 0],
        endTime: [2, 0],
        attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200 },
        value: { buckets: { boundaries: [1, 2], counts: [1, 2, 1] }, sum: 12.5, count: 4 },
      },
    ],
  });
});
