import { createParser } from 'eventsource-parser';
import type { components, paths } from './api.js';
import { isOfConnection, pause, withRetries, type Attempts } from './attempts.js';
import type { LedgerPosition, SeenPosition } from './ledger-position.js';

/** An event as CloudEvents 1.0 has it. */
export type LedgerEvent = components['schemas']['CloudEvent'];

type Filters = NonNullable<paths['/v1/events']['get']['parameters']['query']>;

export interface FollowOptions {
  /** The id of the event that was handled last: only later events come. Without it, the feed starts at the first event. */
  readonly after?: LedgerPosition;
  /** The filters of `GET /v1/events`. */
  readonly filters?: Omit<Filters, 'after' | 'limit'>;
  /** Ends the following. */
  readonly signal?: AbortSignal;
  /** Called with a position up to which everything has been read. Keep it as you keep ids, to start there the next time. */
  readonly onProgress?: (id: LedgerPosition) => void;
  /** The silence after which a connection counts as lost, in ms (45,000: three times the server's interval). */
  readonly silenceMs?: number;
}

export interface Followed {
  /** Keep it when the event has been handled, and pass it as `after` the next time. */
  readonly id: LedgerPosition;
  readonly event: LedgerEvent;
}

interface Connecting {
  readonly baseUrl: string;
  readonly authorization: () => Promise<string>;
  readonly attempts: Attempts;
  readonly transport: typeof fetch;
  readonly seen: SeenPosition;
}

/** The feed from one position on, over as many connections as it takes. @throws LedgerProblem, LedgerUnreachable */
export async function* follow(
  { baseUrl, authorization, attempts, transport, seen }: Connecting,
  { after, filters = {}, signal = new AbortController().signal, onProgress, silenceMs = 45_000 }: FollowOptions,
): AsyncGenerator<Followed, void> {
  // It may have a path: `new URL` would leave that out.
  const url = new URL(`${baseUrl.replace(/\/$/, '')}/v1/events`);
  for (const [name, value] of Object.entries(filters))
    for (const each of [value].flat()) url.searchParams.append(name, String(each));
  let lastId = after;
  let longestPauseMs = 1_000;

  while (!signal.aborted) {
    const watch = watchdog(silenceMs);
    try {
      const response = await withRetries(attempts, { url: url.href, signal, idempotencyKey: undefined }, async () => {
        const Authorization = await authorization();
        const resumed = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
        return transport(url, {
          headers: { Accept: 'text/event-stream', Authorization, ...resumed },
          // Each try has its own timeout: the time of earlier tries and pauses does not count.
          signal: AbortSignal.any([signal, watch.begun()]),
        });
      });
      const read = reading((ms) => (longestPauseMs = ms));
      const texts = response.body!.pipeThrough(new TextDecoderStream());
      for await (const text of texts) {
        watch.fed();
        const { events, id } = read(text);
        for (const followed of events) {
          seen.note(followed.id);
          yield followed;
          // The caller has handled it when it asks for the next.
          lastId = followed.id;
          if (signal.aborted) return;
        }
        if (id !== undefined && id !== lastId) {
          lastId = id;
          onProgress?.(id);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      // A connection that broke or fell silent is made again. A refusal of the ledger ends the feed.
      if (!isOfConnection(error)) throw error;
    } finally {
      watch.stop();
    }
    await pause(Math.random() * longestPauseMs, signal).catch(() => undefined);
  }
}

/** Returns what each piece of the stream completes: events, and the last id that came without one. */
function reading(onRetry: (ms: number) => void) {
  let events: Followed[] = [];
  let id: LedgerPosition | undefined;
  const parser = createParser({
    onId: (each) => (id = each as LedgerPosition),
    onEvent: ({ id, data }) => events.push({ id: id as LedgerPosition, event: JSON.parse(data) as LedgerEvent }),
    onRetry,
  });
  return (text: string) => {
    parser.feed(text);
    const read = { events, id };
    [events, id] = [[], undefined];
    return read;
  };
}

function watchdog(ms: number) {
  let silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => silence.abort(new DOMException('The connection has been silent for too long', 'TimeoutError')),
      ms,
    );
  };
  return {
    /** A signal that is aborted when nothing comes for that time. */
    begun() {
      silence = new AbortController();
      wait();
      return silence.signal;
    },
    fed: wait,
    stop: () => clearTimeout(timer),
  };
}
