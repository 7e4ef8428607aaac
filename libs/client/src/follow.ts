import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { components, paths } from './api.js';
import { isOfConnection, pause, withRetries, type Attempts } from './attempts.js';
import type { LedgerPosition, SeenPosition } from './ledger-position.js';

/** An event as CloudEvents 1.0 has it. */
export type LedgerEvent = components['schemas']['CloudEvent'];

type Filters = NonNullable<paths['/v1/events']['get']['parameters']['query']>;

export interface FollowOptions {
  /** Only events after this one: the id of the event that was handled last. Without it, from the first event. */
  readonly after?: LedgerPosition;
  /** Which events, as for `GET /v1/events`. */
  readonly filters?: Omit<Filters, 'after' | 'limit'>;
  /** Ends the following. */
  readonly signal?: AbortSignal;
  /** Called with a place before which nothing is left to read: keep it as you keep ids, to begin there the next time. */
  readonly onProgress?: (id: LedgerPosition) => void;
  /** So long a connection may be silent before it counts as lost, in ms (45,000: three times what the server leaves). */
  readonly silenceMs?: number;
}

export interface Followed {
  /** Keep it when the event has been handled, and give it as `after` the next time. */
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

/** The feed from one place on, over as many connections as it takes. @throws LedgerProblem, LedgerUnreachable */
export async function* follow(
  { baseUrl, authorization, attempts, transport, seen }: Connecting,
  { after, filters = {}, signal = new AbortController().signal, onProgress, silenceMs = 45_000 }: FollowOptions,
): AsyncGenerator<Followed, void> {
  const url = new URL('/v1/events', baseUrl);
  for (const [name, value] of Object.entries(filters))
    for (const each of [value].flat()) url.searchParams.append(name, String(each));
  let lastId = after;
  let comesAgainMs = 1_000;

  while (!signal.aborted) {
    const watch = watchdog(silenceMs);
    try {
      const response = await withRetries(attempts, { url: url.href, signal, idempotencyKey: undefined }, async () => {
        const Authorization = await authorization();
        return transport(url, {
          headers: {
            Accept: 'text/event-stream',
            Authorization,
            ...(lastId === undefined ? {} : { 'Last-Event-ID': lastId }),
          },
          // Each try has its own time: what was spent on the others and between them is no silence of this one.
          signal: AbortSignal.any([signal, watch.begun()]),
        });
      });
      const read = reading({
        onEvent: ({ id, data }) => ({ id: id as LedgerPosition, event: JSON.parse(data) as LedgerEvent }),
        onRetry: (ms) => (comesAgainMs = ms),
      });
      const texts = response.body!.pipeThrough(new TextDecoderStream());
      for await (const text of texts) {
        watch.fed();
        const { events, id } = read(text);
        for (const followed of events) {
          seen.note(followed.id);
          yield followed;
          // Only now has it been handled.
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
      // A connection that broke or fell silent is made again; what the ledger itself has refused is not.
      if (!isOfConnection(error)) throw error;
    } finally {
      watch.stop();
    }
    await pause(Math.random() * comesAgainMs, signal).catch(() => undefined);
  }
}

interface Reading {
  readonly onEvent: (message: EventSourceMessage) => Followed;
  readonly onRetry: (ms: number) => void;
}

/** What a piece of the stream has completed: events, and the last id that came without one. */
function reading({ onEvent, onRetry }: Reading) {
  let events: Followed[] = [];
  let id: LedgerPosition | undefined;
  const parser = createParser({
    onId: (each) => (id = each as LedgerPosition),
    onEvent: (message) => events.push(onEvent(message)),
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
    timer = setTimeout(() => silence.abort(new DOMException('Nothing has come', 'TimeoutError')), ms);
  };
  return {
    /** Aborted when nothing comes for so long from now on. */
    begun() {
      silence = new AbortController();
      wait();
      return silence.signal;
    },
    fed: wait,
    stop: () => clearTimeout(timer),
  };
}
