import { connect, type Socket } from 'node:net';

// The load of a run, in a process of its own. HTTP/1.1 over bare keep-alive sockets, one request under way on each: a
// client library would take more of the machine's two cores than the server that is measured. It reads what it needs of
// an answer (the status and its length) and breaks off at anything that it does not understand.

export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Head lines that every request carries, without the request line and the length. */
  readonly headers: Readonly<Record<string, string>>;
  /** Request paths; visited one after the other. */
  readonly paths: readonly string[];
  /** Of commands: the first quantity. Every request takes the next, so that each one changes something. Absent: questions. */
  readonly firstQuantity?: number;
}

export interface LoadReport {
  /** Answers with 2xx within the measured time, per second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Every answer with 2xx, of warm-up and measured time and of what was under way at their end. */
  readonly acknowledged: number;
}

async function generate({
  port,
  connections,
  warmUpMs,
  measureMs,
  headers,
  paths,
  firstQuantity,
}: LoadOrder): Promise<LoadReport> {
  const type = firstQuantity === undefined ? {} : { 'Content-Type': 'application/json' };
  const fixed = Object.entries({ Host: `127.0.0.1:${port}`, ...type, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const startedAt = performance.now();
  const measuredFrom = startedAt + warmUpMs;
  const endsAt = measuredFrom + measureMs;
  const latencies: number[] = [];
  let sent = 0;
  let acknowledged = 0;

  function nextRequest(): string {
    const number = sent++;
    const path = paths[number % paths.length]!;
    if (firstQuantity === undefined) return `GET ${path} HTTP/1.1\r\n${fixed}\r\n`;
    const quantity = firstQuantity + number;
    const body = `{"quantity":${quantity}}`;
    return `POST ${path} HTTP/1.1\r\n${fixed}Idempotency-Key: bench-${quantity}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }

  function run(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let sentAt = 0;
      let received = '';
      const send = () => {
        sentAt = performance.now();
        socket.write(nextRequest());
      };
      socket.setNoDelay(true);
      socket.setEncoding('latin1');
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('The server has closed a connection')));
      socket.on('data', (chunk) => {
        received += chunk as unknown as string;
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const length = /\r\ncontent-length: (\d+)/i.exec(received);
        if (!length) return void socket.destroy(new Error(`An answer without a length: ${received}`));
        if (received.length < headEnd + 4 + Number(length[1])) return;
        if (!/^HTTP\/1\.1 2\d\d /.test(received)) return void socket.destroy(new Error(`Not accepted: ${received}`));

        const now = performance.now();
        acknowledged++;
        if (now >= measuredFrom && now < endsAt) latencies.push(now - sentAt);
        received = '';
        if (now < endsAt) return send();
        socket.removeAllListeners('close');
        socket.end();
        resolve();
      });
      send();
    });
  }

  const sockets = await Promise.all(Array.from({ length: connections }, () => connected(port)));
  await Promise.all(sockets.map(run));
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
  return {
    perSecond: sorted.length / (measureMs / 1000),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    acknowledged,
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

process.on('message', (order: LoadOrder) => {
  generate(order).then(
    (report) => {
      process.send!({ report });
    },
    (error: unknown) => {
      process.send!({ error: String(error) });
    },
  );
});
process.send!('ready');
