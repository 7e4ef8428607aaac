import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { eventually } from '../eventually.js';
import { contract } from './contract.js';
import type { RunningServer, Who } from './running-server.js';

/** A live stream of events as it comes in; every one of them is held to openapi.json. */
export interface LiveFeed {
  readonly status: number;
  readonly headers: Headers;
  /** Everything that has come so far. */
  readonly messages: readonly EventSourceMessage[];
  /** The id that was sent last, with or without an event. */
  readonly lastId: () => string | undefined;
  /** Waits until that many events have come. */
  readonly arrived: (count: number) => Promise<readonly EventSourceMessage[]>;
  /** Resolves when the server has ended the stream, rejects when the connection was cut. */
  readonly ended: Promise<void>;
  readonly close: () => void;
}

export async function liveFeed(
  server: Pick<RunningServer, 'url' | 'tokenOf'>,
  path: string,
  { as = {}, headers = {} }: { readonly as?: Who | string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<LiveFeed> {
  const closing = new AbortController();
  const token = typeof as === 'string' ? as : await server.tokenOf(as);
  const response = await fetch(`${server.url}${path}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, ...headers },
    signal: closing.signal,
  });
  const messages: EventSourceMessage[] = [];
  let lastId: string | undefined;
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const { status } = response;
  async function read(): Promise<void> {
    const text = new TextDecoder();
    let whole = '';
    for await (const chunk of response.body!) {
      const piece = text.decode(chunk as Uint8Array, { stream: true });
      whole += piece;
      lastId = [...whole.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
      parser.feed(piece);
    }
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    contract.hold('GET', path, { status, headers: response.headers, body: isJson ? JSON.parse(whole) : whole });
  }
  const ended = read();
  ended.catch(() => undefined);
  return {
    status,
    headers: response.headers,
    messages,
    lastId: () => lastId,
    async arrived(count) {
      await eventually(
        () => `${count} events, and not only ${messages.length}`,
        () => messages.length >= count,
      );
      return messages;
    },
    ended,
    close: () => closing.abort(),
  };
}
