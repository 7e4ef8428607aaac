import type { components } from './api.js';
import { pause, waitAskedForBy, type Attempts } from './attempts.js';

type BulkAnswer = components['schemas']['BulkAnswer'];
type BulkItemAnswer = components['schemas']['BulkItemAnswer'];

interface Bulk {
  readonly items: readonly unknown[];
}

/**
 * Sends a bulk, then sends its retryable items again, each under its own key, until all are answered or the time is up.
 * Returns an answer to every item, in the order of the request.
 */
export async function untilItemsAreAnswered(
  { patienceMs, firstPauseMs, longestPauseMs, onRetry }: Attempts,
  { url, signal, body }: { readonly url: string; readonly signal: AbortSignal; readonly body: ArrayBuffer | null },
  send: (body: ArrayBuffer | string | null, patienceMs: number) => Promise<Response>,
): Promise<Response> {
  const until = Date.now() + patienceMs;
  const response = await send(body, patienceMs);
  const bulk = jsonIn<Bulk>(body && new TextDecoder().decode(body));
  // The caller reads lines itself, as they come.
  if (!bulk || response.status !== 200 || !isJson(response)) return response;
  const answered = jsonIn<BulkAnswer>(await response.clone().text());
  if (!answered) return response;

  const items = new Map(answered.items.map((item) => [item.index, item]));
  for (let longest = firstPauseMs; ; longest = Math.min(2 * longest, longestPauseMs)) {
    const left = [...items.values()].filter(isRetryable).sort((a, b) => a.index - b.index);
    if (left.length === 0) break;
    const pauseMs = Math.max(...left.map(askedToWaitMs), Math.random() * longest);
    if (Date.now() + pauseMs > until) break;
    onRetry?.({ url, because: left[0]!.body, pauseMs });
    await pause(pauseMs, signal);
    const rest = JSON.stringify({ ...bulk, items: left.map(({ index }) => bulk.items[index]) });
    const again = await send(rest, until - Date.now()).catch(() => undefined);
    signal.throwIfAborted();
    // The items keep the answers that they have, and the retryable ones say so.
    if (!again) break;
    for (const item of ((await again.json()) as BulkAnswer).items) {
      const { index } = left[item.index]!;
      items.set(index, { ...item, index });
    }
  }
  const { status, statusText, headers } = response;
  const inOrder = answered.items.map(({ index }) => items.get(index));
  return new Response(JSON.stringify({ ...answered, items: inOrder }), {
    status,
    statusText,
    headers: withoutCoding(headers),
  });
}

function isRetryable({ body }: BulkItemAnswer): boolean {
  return 'retryable' in body && body.retryable;
}

function askedToWaitMs({ headers }: BulkItemAnswer): number {
  return waitAskedForBy({ headers: new Headers(headers) }) ?? 0;
}

const isJson = ({ headers }: Response) => /^application\/json\b/.test(headers.get('Content-Type') ?? '');

/** Without the headers that describe the original bytes. */
function withoutCoding(headers: Headers): Headers {
  const left = new Headers(headers);
  for (const name of ['Content-Length', 'Content-Encoding']) left.delete(name);
  return left;
}

function jsonIn<T extends Bulk>(text: string | null): T | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<T> | null;
    return Array.isArray(value?.items) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
