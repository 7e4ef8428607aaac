import { createServer } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Ledger } from './ledger.js';
import type { OpenLedger } from './server.module.js';
import { StartupFailure } from './startup-failure.js';
import { viewLags } from './view-lags.js';

export interface Metrics {
  readonly observe: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly text: () => Promise<string>;
}

/** What the server counts, in the form that Prometheus reads. Nothing personal is a label: routes are patterns. */
export function metricsOf(
  ledger: Ledger,
  storeMetrics: OpenLedger['storeMetrics'],
  cachedTokens: () => number,
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'ledger_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer; outcome is that of the command, or the problem',
    labelNames: ['method', 'route', 'status', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('ledger_store_appended_events', 'Events appended since the start', () => storeMetrics().appendedEvents);
  gauge(
    'ledger_store_commits',
    'Transactions that wrote events since the start; appends of one turn share one',
    () => storeMetrics().commits,
  );
  gauge('ledger_store_conflicts', 'Appends refused because the stream had moved on', () => storeMetrics().conflicts);
  gauge('ledger_store_failed_commits', 'Transactions that failed', () => storeMetrics().failedCommits);
  gauge('ledger_store_queued_appends', 'Appends that wait for their transaction', () => storeMetrics().queuedAppends);
  gauge('ledger_store_wal_bytes', 'Size of the write-ahead log', () => storeMetrics().walBytes);
  gauge(
    'ledger_store_uncheckpointed_pages',
    'Pages of the write-ahead log not yet in the database',
    () => storeMetrics().uncheckpointedPages,
  );
  gauge('ledger_store_failed_checkpoints', 'Checkpoints that failed', () => storeMetrics().failedCheckpoints);
  gauge('ledger_cached_tokens', 'Verified tokens kept', cachedTokens);

  const lagEvents = new Gauge({
    name: 'ledger_view_lag_events',
    help: 'Positions between the head of the log and the view',
    labelNames: ['view'],
    registers,
  });
  const lagSeconds = new Gauge({
    name: 'ledger_view_lag_seconds',
    help: 'How long the view has been behind the head',
    labelNames: ['view'],
    registers,
  });
  const stopped = new Gauge({
    name: 'ledger_view_stopped',
    help: '1 for a view that an event has stopped',
    labelNames: ['view'],
    registers,
  });

  const children = new Map<string, ReturnType<typeof durations.labels>>();
  return {
    observe(request, reply) {
      const { call, method } = request;
      const route = request.routeOptions.url ?? 'unknown';
      const outcome = call.problem ?? call.outcome ?? 'ok';
      // Labels are looked up once: prom-client hashes them on every call.
      const key = `${method} ${route} ${reply.statusCode} ${outcome}`;
      let child = children.get(key);
      if (!child) children.set(key, (child = durations.labels(method, route, String(reply.statusCode), outcome)));
      child.observe((performance.now() - call.startedAt) / 1000);
    },
    async text() {
      for (const { name, events, seconds, status } of await viewLags(ledger)) {
        lagEvents.set({ view: name }, events);
        lagSeconds.set({ view: name }, seconds);
        stopped.set({ view: name }, status === 'stopped' ? 1 : 0);
      }
      return registry.metrics();
    },
  };
}

export interface MetricsServer {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Serves `/metrics` on a port of its own, which the outside need not reach. @throws StartupFailure */
export async function serveMetrics({ text }: Metrics, host: string, port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    text().then(
      (metrics) => response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metrics),
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new StartupFailure(
          `Metrics cannot be served on ${host}:${port} (${code}). Set METRICS_PORT to a free port, to 0 for any, or to nothing for none.`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${typeof address === 'object' ? address?.port : port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
