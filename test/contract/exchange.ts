import { Agent, request as send } from 'node:http';
import type { Request } from './requests.js';

// HTTP as it is, so that headers, paths and bodies go out as they were made up.

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it says that it is JSON. */
  readonly body: unknown;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** @throws Error when the connection ends without an answer */
export function exchange(
  base: string,
  { method, url, headers, body }: Pick<Request, 'method' | 'url' | 'headers' | 'body'>,
): Promise<Answered> {
  const { hostname, port } = new URL(base);
  // Said for every method: some would send a body that nobody can see the end of.
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = send(
      { agent, hostname, port, method, path: url, headers: { ...latin1(headers), ...length }, timeout: 60_000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const received = new Headers();
          for (const [name, values] of Object.entries(answer.headersDistinct))
            for (const value of values ?? []) received.append(name, value);
          const isJson = /\bjson\b/.test(received.get('content-type') ?? '') && text !== '';
          resolve({ status: answer.statusCode!, headers: received, text, body: isJson ? JSON.parse(text) : text });
        });
      },
    );
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error('no answer within a minute')));
    sent.end(body);
  });
}

/** Headers are bytes: what is not Latin-1 goes out as UTF-8, as careless callers send it. */
function latin1(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]),
  );
}
