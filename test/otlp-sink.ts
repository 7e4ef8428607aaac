import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector gets it, in the parts that tests look at. */
export interface SunkSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** As OTLP numbers them: 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2 for an error. */
  readonly status: number;
}

export interface SunkMetric {
  readonly name: string;
  readonly unit: string;
  /** `sum`, `gauge` or `histogram`, as OTLP names them. */
  readonly kind: string;
  readonly monotonic: boolean;
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, string | number>>;
    readonly value: number;
    readonly bounds: readonly number[];
    readonly counts: readonly number[];
  }[];
}

export interface OtlpSink extends AsyncDisposable {
  readonly url: string;
  readonly spans: SunkSpan[];
  /** The last export. */
  readonly metrics: () => readonly SunkMetric[];
  /** Every request, in the order of arrival; bodies as they came. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
}

/** A collector of OpenTelemetry: keeps what is exported as JSON, and the bytes of everything. */
export async function otlpSink({ status = 200 } = {}): Promise<OtlpSink> {
  const spans: SunkSpan[] = [];
  let metrics: readonly SunkMetric[] = [];
  const requests: OtlpSink['requests'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      requests.push({ path: request.url ?? '', headers: request.headers, body });
      if (request.headers['content-type'] === 'application/json') {
        const read = JSON.parse(body.toString()) as Exported;
        spans.push(...spansIn(read));
        if (read.resourceMetrics) metrics = metricsIn(read);
      }
      response.writeHead(status, { 'Content-Type': request.headers['content-type'] ?? '' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics: () => metrics,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number };
}

interface Resource {
  readonly attributes: readonly Attribute[];
}

interface Exported {
  readonly resourceSpans?: readonly {
    readonly resource: Resource;
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly Attribute[];
        readonly status: { readonly code: number };
      }[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly sum?: Points;
        readonly gauge?: Points;
        readonly histogram?: Points;
      }[];
    }[];
  }[];
}

interface Points {
  readonly isMonotonic?: boolean;
  readonly dataPoints: readonly {
    readonly attributes: readonly Attribute[];
    readonly asDouble?: number;
    readonly asInt?: number;
    readonly count?: number;
    readonly explicitBounds?: readonly number[];
    readonly bucketCounts?: readonly (number | string)[];
  }[];
}

function spansIn({ resourceSpans = [] }: Exported): SunkSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ parentSpanId = '', startTimeUnixNano, endTimeUnixNano, attributes, status, ...span }) => ({
        ...span,
        service: String(attributesOf(resource.attributes)['service.name']),
        parentSpanId,
        startMs: Number(startTimeUnixNano) / 1e6,
        endMs: Number(endTimeUnixNano) / 1e6,
        attributes: attributesOf(attributes),
        status: status.code,
      })),
    ),
  );
}

function metricsIn({ resourceMetrics = [] }: Exported): SunkMetric[] {
  return resourceMetrics
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    .map(({ name, unit, sum, gauge, histogram }) => ({
      name,
      unit,
      kind: sum ? 'sum' : gauge ? 'gauge' : 'histogram',
      monotonic: sum?.isMonotonic === true,
      points: (sum ?? gauge ?? histogram)!.dataPoints.map((point) => ({
        attributes: attributesOf(point.attributes),
        value: point.asDouble ?? point.asInt ?? point.count ?? 0,
        bounds: point.explicitBounds ?? [],
        counts: (point.bucketCounts ?? []).map(Number),
      })),
    }));
}

function attributesOf(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? (value.doubleValue ?? '') : Number(value.intValue)),
    ]),
  );
}
