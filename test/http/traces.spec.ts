import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { otlpSink, type OtlpSink, type SunkSpan } from '../otlp-sink.js';
import { launchServer, projectorProcess } from '../server-process.js';
import { journeysOver } from './journey-store.js';
import { establish, partners, runServer, subscription, type RunningServer } from './running-server.js';

const callersTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const callersSpan = '00f067aa0ba902b7';
const internal = 1;
const ofServer = 2;
const client = 3;
const consumer = 5;

let trace = 0;
/** Another trace of the caller's. */
const newTrace = () => (BigInt(`0x${callersTrace}`) + BigInt(++trace)).toString(16);
const header = (traceId: string, flags = '01') => ({ traceparent: `00-${traceId}-${callersSpan}-${flags}` });
const exportTo = ({ url }: OtlpSink) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_METRIC_EXPORT_INTERVAL: '200',
});

/** Waits for a span of a trace. */
async function spanOf(sink: OtlpSink, traceId: string, name: string): Promise<SunkSpan> {
  const found = () => sink.spans.find((span) => span.traceId === traceId && span.name.startsWith(name));
  await eventually(
    () => `${name} of ${traceId} among ${JSON.stringify(sink.spans.map(({ name }) => name))}`,
    () => found() !== undefined,
  );
  return found()!;
}

describe('a server that exports traces', () => {
  let sink: OtlpSink;
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    sink = await otlpSink();
    server = await runServer({ env: exportTo(sink) });
    path = await establish(server);
  });
  afterAll(async () => {
    await server.end();
    await sink[Symbol.asyncDispose]();
  });

  it('shows request, decision, append and projection of a command in the caller’s trace', async () => {
    const traceId = newTrace();
    const answer = await server.post(`${path}/subscriptions`, subscription('traced'), {
      as: { id: 'seen-for-the-first-time' },
      headers: header(traceId),
    });
    expect(answer.status).toBe(201);
    const projected = await spanOf(sink, traceId, 'project');
    const request = await spanOf(sink, traceId, 'POST');
    const [verify, decide, append] = await Promise.all(
      ['verify token', 'decide', 'append'].map((name) => spanOf(sink, traceId, name)),
    );
    expect(request).toMatchObject({
      service: 'reseller-ledger',
      name: 'POST /v1/customers/:customerId/subscriptions',
      kind: ofServer,
      parentSpanId: callersSpan,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/customers/:customerId/subscriptions',
        'http.response.status_code': 201,
        'ledger.outcome': 'accepted',
      },
    });
    // The answer names the span, so that the caller can find it.
    expect(answer.headers.get('traceparent')).toBe(`00-${traceId}-${request.spanId}-01`);
    expect([verify, decide, append, projected].map((span) => span!.parentSpanId)).toEqual(
      Array(4).fill(request.spanId),
    );
    expect([verify!.kind, decide!.kind, append!.kind, projected.kind]).toEqual([internal, internal, client, consumer]);
    expect(decide!.attributes).toMatchObject({ 'ledger.command': 'PurchaseSubscription', 'ledger.outcome': 'decided' });
    expect(append!.attributes).toMatchObject({
      'db.system.name': journeysOver === 'sqlite' ? 'sqlite' : 'eventstoredb',
      'db.operation.name': 'append',
    });
    expect(projected.attributes['ledger.views']).toBeGreaterThan(0);
    expect(decide!.startMs).toBeGreaterThanOrEqual(request.startMs);
    expect(append!.startMs).toBeGreaterThanOrEqual(decide!.endMs);
    expect(request.endMs).toBeGreaterThanOrEqual(append!.endMs);
    expect([request, decide, append].map((span) => span!.status)).toEqual([0, 0, 0]);

    const { body } = await server.get(`${path}/events?limit=200`);
    const event = (body as any[]).find(({ data }) => data.subscriptionId === 'traced');
    expect(event.traceparent).toBe(answer.headers.get('traceparent'));
  });

  it('shows a retry, which neither decides nor appends, and a refusal, which is no error of the server', async () => {
    const [first, again, refused] = [newTrace(), newTrace(), newTrace()];
    const buy = (traceId: string, key: string) =>
      server.post(`${path}/subscriptions`, subscription('retried'), { key, headers: header(traceId) });
    const accepted = await buy(first, 'one-key');
    const replayed = await buy(again, 'one-key');
    expect(replayed.body).toEqual(accepted.body);
    expect((await buy(refused, 'other-key')).status).toBe(409);
    const request = await spanOf(sink, refused, 'POST');
    expect(request).toMatchObject({ status: 0, attributes: { 'ledger.problem': 'ItemAlreadyExists' } });
    expect((await spanOf(sink, refused, 'decide')).attributes).toMatchObject({
      'ledger.outcome': 'refused',
      'ledger.rejection': 'ItemAlreadyExists',
    });
    expect((await spanOf(sink, again, 'POST')).attributes['ledger.outcome']).toBe('replayed');
    expect(sink.spans.filter(({ traceId }) => traceId === again)).toHaveLength(1);
  });

  it('notes nothing of a trace that the caller does not sample, and passes it on all the same', async () => {
    const [unsampled, sampled] = [newTrace(), newTrace()];
    const answer = await server.post(`${path}/subscriptions`, subscription('unsampled'), {
      headers: header(unsampled, '00'),
    });
    expect(answer.headers.get('traceparent')).toMatch(new RegExp(`^00-${unsampled}-[0-9a-f]{16}-00$`));
    await server.post(`${path}/subscriptions`, subscription('sampled'), { headers: header(sampled) });
    await spanOf(sink, sampled, 'project');
    expect(sink.spans.filter(({ traceId }) => traceId === unsampled)).toEqual([]);
    const { body } = await server.get(`${path}/events?limit=200`);
    const event = (body as any[]).find(({ data }) => data.subscriptionId === 'unsampled');
    expect(event.traceparent).toBe(answer.headers.get('traceparent'));
  });

  it('begins a trace where the caller has none', async () => {
    const answer = await server.get('/v1/customers?limit=1');
    const [, traceId] = answer.headers.get('traceparent')!.split('-');
    expect(await spanOf(sink, traceId!, 'GET /v1/customers')).toMatchObject({ parentSpanId: '', status: 0 });
  });

  it('exports its metrics too, under the names of OpenTelemetry where there are any', async () => {
    const metric = (name: string) => sink.metrics().find((each) => each.name === name);
    await eventually('metrics with a request', () => metric('http.server.request.duration') !== undefined);
    const durations = metric('http.server.request.duration')!;
    expect([durations.kind, durations.unit]).toEqual(['histogram', 's']);
    const bought = durations.points.find(({ attributes }) => attributes['http.response.status_code'] === 201)!;
    expect(bought.attributes['http.request.method']).toBe('POST');
    expect(bought.counts.reduce((sum, count) => sum + count, 0)).toBe(bought.value);
    expect(bought.counts).toHaveLength(bought.bounds.length + 1);
    expect(metric('ledger_store_appended_events_total')).toMatchObject({ kind: 'sum', monotonic: true });
    expect(metric('ledger_open')).toMatchObject({ kind: 'gauge', points: [{ value: 1 }] });
  });

  it('lets out no secret, no id of a customer and nothing personal', async () => {
    await eventually('exports of both kinds', () => sink.spans.length > 10 && sink.metrics().length > 10);
    const everything = Buffer.concat(sink.requests.map(({ body }) => body)).toString();
    const customer = path.split('/').at(-1)!;
    expect(everything).toContain('decide PurchaseSubscription');
    for (const secret of [customer, 'seen-for-the-first-time', 'traced"', await server.tokenOf({}), 'Contoso'])
      expect(everything).not.toContain(secret);
  });
});

describe('a projector in a process of its own', () => {
  it('goes on with the trace of the command', async () => {
    await using sink = await otlpSink();
    const before = await runServer();
    await before.stop();
    const { dataDirectory, store } = before;
    const env = { ...store.env, ...exportTo(sink) };
    const server = await runServer({ dataDirectory, store, until: 'live', env: { ...env, PROJECTOR: 'off' } });
    const projector = await launchServer({
      dataDirectory,
      partners,
      env,
      ...projectorProcess,
    });
    const path = await establish(server);
    const traceId = newTrace();
    await server.post(`${path}/subscriptions`, subscription('elsewhere'), { headers: header(traceId) });
    const projected = await spanOf(sink, traceId, 'project');
    expect(projected).toMatchObject({
      service: 'reseller-ledger-projector',
      parentSpanId: (await spanOf(sink, traceId, 'POST')).spanId,
    });
    await projector.stop();
    await server.end();
  });
});

describe('a collector', () => {
  it('that is away is no trouble of the ledger, and its secret is not logged', async () => {
    const server = await runServer({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20planted-secret',
        OTEL_EXPORTER_OTLP_TIMEOUT: '200',
        OTEL_BSP_SCHEDULE_DELAY: '20',
      },
    });
    await establish(server);
    await eventually('a line about it', () => server.output().includes('traces and metrics could not be exported'));
    expect(server.output()).not.toContain('planted-secret');
    await server.end();
    expect([server.child.exitCode, server.child.signalCode]).toEqual([0, null]);
  });

  it('gets what there is when the server stops, as protobuf unless asked otherwise, with its headers', async () => {
    await using sink = await otlpSink();
    const server = await runServer({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${sink.url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20planted-secret',
        OTEL_BSP_SCHEDULE_DELAY: '600000',
      },
    });
    await establish(server);
    await server.end();
    expect(new Set(sink.requests.map(({ path }) => path))).toEqual(new Set(['/v1/traces', '/v1/metrics']));
    for (const { headers } of sink.requests)
      expect([headers['content-type'], headers.authorization]).toEqual([
        'application/x-protobuf',
        'Bearer planted-secret',
      ]);
    const spans = sink.requests.find(({ path }) => path === '/v1/traces')!;
    expect(spans.body.includes('decide AcceptResellerRelationship')).toBe(true);
  });
});
