import { statfs } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { boundConnections, boundPipelining, endUnreadAnswers } from '#http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { StoreMetrics } from '#event-log';
import { noPastViews } from '../as-of/past-views.js';
import type { ServerHealth } from './server-health.js';
import type { ServedLedger } from '../served-ledger.js';
import type { TrustedClock } from '../trusted-clock/trusted-clock.js';
import type { LedgerToOpen } from '../open-ledger.js';
import type { CollectedMetric } from '#telemetry';
import { methodName } from '../method-name.js';
import { release } from '../release.js';
import { StartupFailure } from '#program';
import { timekeepingOf } from '../timekeeper/timekeeping.js';
import { viewLags } from './view-lags.js';

type CountOf<M> = M extends StoreMetrics ? Exclude<keyof M, 'store'> : never;
/** Names that end in _total count up from the start; the others are measured now. */
type Counts<K extends StoreMetrics['store']> = readonly (readonly [
  name: string,
  help: string,
  count: CountOf<Extract<StoreMetrics, { store: K }>>,
])[];

const ofSqlite: Counts<'sqlite'> = [
  ['appended_events_total', 'Events appended since the start', 'appendedEvents'],
  ['commits_total', 'Transactions that wrote events since the start; several appends may share one', 'commits'],
  ['conflicts_total', 'Appends refused because the stream had moved on', 'conflicts'],
  ['failed_commits_total', 'Transactions that failed', 'failedCommits'],
  ['queued_appends', 'Appends that wait for their transaction', 'queuedAppends'],
  ['wal_bytes', 'Size of the write-ahead log', 'walBytes'],
  ['uncheckpointed_pages', 'Pages of the write-ahead log not yet in the database', 'uncheckpointedPages'],
  ['failed_checkpoints_total', 'Checkpoints that failed', 'failedCheckpoints'],
];

/** Only of the server's connection: a projector appends nothing. */
const ofKurrentdb: Counts<'kurrentdb'> = [
  ['appended_events_total', 'Events appended since the start', 'appendedEvents'],
  ['conflicts_total', 'Appends refused because the stream had moved on', 'conflicts'],
  ['resent_appends_total', 'Appends sent again because the outcome of an attempt was unknown', 'resentAppends'],
  ['unknown_outcomes_total', 'Appends whose callers were answered that the outcome is unknown', 'unknownOutcomes'],
  ['appends_in_flight', 'Appends that the database has not answered yet', 'appendsInFlight'],
];

/** Of the server's connection and of the projector's own. */
const ofConnections: Counts<'kurrentdb'> = [
  ['resubscriptions_total', 'Subscriptions taken up again after they had ended', 'resubscriptions'],
  ['clients_rebuilt_total', 'Clients rebuilt because the one before was stuck', 'clientsRebuilt'],
];

export interface MetricsParts {
  readonly ledger: ServedLedger;
  readonly health: ServerHealth;
  readonly clock: TrustedClock;
  readonly storeMetrics: LedgerToOpen['storeMetrics'];
  readonly cachedTokens: () => number;
  readonly droppedDenials: () => number;
  readonly dataDirectory: string;
}

/** What the server counts, in the form that Prometheus reads. Nothing personal is a label: routes are patterns. */
export function metricsOf({
  ledger,
  health,
  clock,
  storeMetrics,
  cachedTokens,
  droppedDenials,
  dataDirectory,
}: MetricsParts) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Sums of what stands beside them by type: gauges that are named like counters.
  for (const what of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${what}_total`);
  // The names of OpenTelemetry's conventions for HTTP servers.
  const durations = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer; outcome is that of the command, or the problem',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code', 'error_type', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number) =>
    labelled(name, help, [], (gauge) => gauge.set(read()));
  const labelled = (
    name: string,
    help: string,
    labelNames: string[],
    collect?: (gauge: Gauge) => void | Promise<void>,
  ) => {
    const gauge: Gauge = new Gauge({ name, help, labelNames, registers, collect: () => collect?.(gauge) });
    return gauge;
  };
  /** What others count: the whole is read when it is asked for. */
  const counter = (name: string, help: string, read: () => number) =>
    labelledCounter(name, help, [], (count) => count({}, read()));
  const labelledCounter = (
    name: string,
    help: string,
    labelNames: string[],
    collect: (count: (labels: Readonly<Record<string, string>>, whole: number) => void) => void,
  ) => {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        counter.reset();
        collect((labels, whole) => counter.inc(labels, whole));
      },
    });
  };
  const isCounter = (name: string) => name.endsWith('_total');
  const ofServer = (): Partial<Record<CountOf<StoreMetrics>, number>> => storeMetrics().server;
  const { store } = storeMetrics().server;
  for (const [name, help, count] of store === 'sqlite' ? ofSqlite : ofKurrentdb)
    (isCounter(name) ? counter : gauge)(`ledger_store_${name}`, help, () => ofServer()[count] ?? 0);
  for (const [name, help, count] of store === 'sqlite' ? [] : ofConnections)
    labelledCounter(`ledger_store_${name}`, help, ['connection'], (add) => {
      for (const [connection, metrics] of Object.entries(storeMetrics()))
        if (metrics?.store === 'kurrentdb') add({ connection }, metrics[count]);
    });
  labelled('ledger_build_info', '1; its labels say what runs', ['version', 'store'], (info) =>
    info.set({ version: release, store }, 1),
  );
  labelled('ledger_data_free_bytes', 'Free space on the disk of the data directory', [], async (free) => {
    // What is not known now must not be reported as it was.
    const disk = await statfs(dataDirectory).catch(() => undefined);
    free.set(disk ? disk.bavail * disk.bsize : NaN);
  });
  const past = () => (health.waitingFor === undefined ? ledger : { pastViews: noPastViews }).pastViews.counts();
  gauge('ledger_damaged', '1 when the log was found to be damaged', () => (health.damaged ? 1 : 0));
  gauge('ledger_clock_trusted', '0 while the clock shows a jump that nobody has agreed to', () =>
    clock.trusted() ? 1 : 0,
  );
  gauge('ledger_open', '0 while the server waits for its event store', () => (health.waitingFor ? 0 : 1));
  counter('ledger_projector_restarts_total', 'Restarts of the projector after a crash', () => health.projectorRestarts);
  counter(
    'ledger_security_events_dropped_total',
    'Security events that could not be written since the start',
    droppedDenials,
  );
  gauge('ledger_open_streams', 'Streams of the history that are open', () => health.openStreams);
  gauge('ledger_past_views_waiting', 'Views as they stood that wait to be projected', () => past().waiting);
  gauge('ledger_past_views_running', 'Views as they stood that are being projected', () => past().running);
  gauge('ledger_past_views_kept', 'Views as they stood that are kept for further questions', () => past().kept);
  gauge('ledger_past_views_kept_bytes', 'Disk space of the views as they stood that are kept', () => past().keptBytes);
  counter('ledger_past_views_failed_total', 'Views as they stood that could not be projected', () => past().failed);
  gauge('ledger_cached_tokens', 'Verified tokens kept', cachedTokens);

  const overdue = labelled(
    'ledger_timekeeper_lag_seconds',
    'How long ago the oldest boundary has passed that is not recorded; 0 where there is none',
    [],
  );
  gauge(
    'ledger_timekeeper_unsettled_items',
    'Items whose commands the timekeeper has sent and that the views still show as due',
    () => health.timekeeper?.unsettled ?? 0,
  );
  const holdsLease = labelled('ledger_timekeeper_holds_lease', '1 while no other server keeps time', []);
  labelledCounter(
    'ledger_timekeeper_commands_total',
    'Commands of the timekeeper since the start; the outcome is that of the command, or the code of its refusal',
    ['outcome'],
    (add) => health.timekeeper?.commands.forEach((count, outcome) => add({ outcome }, count)),
  );
  const lagEvents = labelled('ledger_view_lag_events', 'Events of the log that the view has not taken in', ['view']);
  const lagSeconds = labelled('ledger_view_lag_seconds', 'The age of the oldest of these events', ['view']);
  const stopped = labelled('ledger_view_stopped', '1 for a view that an event has stopped', ['view']);

  const active = new Map<string, ReturnType<typeof activeRequests>>();
  labelled('http_server_active_requests', 'Requests in hand', ['http_request_method', 'url_scheme'], (gauge) =>
    active.forEach(({ count }, method) => gauge.set({ http_request_method: method, url_scheme: 'http' }, count())),
  );

  const children = new Map<string, ReturnType<typeof durations.labels>>();
  return {
    /** Counts the requests in hand of a server. */
    watch(server: Server): void {
      server.on('request', ({ method = '' }, response) => {
        let requests = active.get(method);
        if (!requests) {
          const name = methodName(method);
          requests = active.get(name) ?? activeRequests();
          active.set(name, requests);
        }
        requests.begin();
        response.once('close', requests.end);
      });
    },
    observe(request: FastifyRequest, reply: FastifyReply): void {
      // A live stream lasts as long as its reader listens.
      if (reply.getHeader('content-type') === 'text/event-stream') return;
      const { call, method } = request;
      // Absent where no route was found.
      const route = request.routeOptions.url;
      const outcome = call.problem ?? call.outcome ?? 'ok';
      // Labels are looked up once: prom-client hashes them on every call.
      const key = `${method} ${route} ${reply.statusCode} ${outcome}`;
      let child = children.get(key);
      if (!child) {
        const labels: Parameters<typeof durations.labels>[0] = {
          http_request_method: methodName(method),
          http_response_status_code: String(reply.statusCode),
          outcome,
        };
        if (route !== undefined) labels.http_route = route;
        if (reply.statusCode >= 500) labels.error_type = call.problem ?? String(reply.statusCode);
        children.set(key, (child = durations.labels(labels)));
      }
      child.observe((performance.now() - call.startedAt) / 1000);
    },
    async text(): Promise<string> {
      await refresh();
      return registry.metrics();
    },
    /** The same in the form of the library. */
    async collected(): Promise<readonly CollectedMetric[]> {
      await refresh();
      return (await registry.getMetricsAsJSON()) as unknown as CollectedMetric[];
    },
  };

  async function refresh(): Promise<void> {
    const { lags } = health.waitingFor === undefined ? await viewLags(ledger) : { lags: [] };
    const timekeeping = health.waitingFor === undefined ? await timekeepingOf(ledger, health) : undefined;
    holdsLease.set(timekeeping?.holdsLease ? 1 : 0);
    // A lag that is not known now must not be reported as it was.
    overdue.set(timekeeping?.secondsBehind ?? NaN);
    lagEvents.reset();
    lagSeconds.reset();
    for (const { name, behind, status } of lags) {
      if (behind) lagEvents.set({ view: name }, behind.events);
      if (behind) lagSeconds.set({ view: name }, behind.seconds);
      stopped.set({ view: name }, status === 'stopped' ? 1 : 0);
    }
  }
}

function activeRequests() {
  let count = 0;
  return { begin: () => void count++, end: () => void count--, count: () => count };
}

export type MetricsServer = Awaited<ReturnType<typeof serveMetrics>>;

/** The connections that one address may have to `/metrics`: every one is a scraper. */
const mostScrapers = 100;
/** How long one of them may take to ask, and to take any part of the answer. */
const clientTimeoutMs = 10_000;

/** Serves `/metrics` on a host and a port of its own, so that it is not open to callers. @throws StartupFailure */
export async function serveMetrics({ text }: Pick<ReturnType<typeof metricsOf>, 'text'>, host: string, port: number) {
  let underWay: Promise<string> | undefined;
  const server = createServer(
    { headersTimeout: clientTimeoutMs, requestTimeout: clientTimeoutMs },
    (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') return void response.writeHead(404).end();
      // All who ask meanwhile get the same: it reads the store, and takes some milliseconds.
      underWay ??= text().finally(() => (underWay = undefined));
      underWay.then(
        (metrics) =>
          response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metrics),
        () => response.writeHead(503).end(),
      );
    },
  );
  const pipelining = boundPipelining(server);
  boundConnections(server, pipelining, { ofAddress: mostScrapers, except: [] });
  endUnreadAnswers(server, clientTimeoutMs);
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new StartupFailure(
          `Metrics cannot be served on ${host}:${port} (${code}). Set METRICS_HOST to an address of this machine and METRICS_PORT to a free port, to 0 for any, or to nothing for none.`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${typeof address === 'object' ? address?.port : port}/metrics`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
