import { LedgerProblem, LedgerUnreachable, notOfALedger, type Problem } from './problem.js';

// When the same request is sent again: nothing has been decided, or nobody knows. Every other refusal is an answer.

export interface Attempts {
  /** How long a request is tried in all, in ms. */
  readonly patienceMs: number;
  /** How long one try may take until its answer has come wholly, in ms. */
  readonly attemptMs: number;
  /** Of the first pause, in ms; each is up to twice as long as the one before. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Told before each pause. */
  readonly onRetry: ((retry: Retry) => void) | undefined;
}

export interface Retry {
  readonly url: string;
  /** What has happened instead of an answer. */
  readonly because: unknown;
  readonly pauseMs: number;
}

interface Sent {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly idempotencyKey: string | undefined;
}

/** Why there is no answer yet. */
interface Trouble {
  readonly because: unknown;
  readonly askedToWaitMs: number;
}

/**
 * Sends until there is an answer.
 * @throws LedgerProblem for a refusal, and for what was answered last when patience has run out; LedgerUnreachable when
 * nothing was; the reason of the signal when it is given up
 */
export async function withRetries(
  { patienceMs, firstPauseMs, longestPauseMs, onRetry }: Attempts,
  sent: Sent,
  attempt: () => Promise<Response>,
): Promise<Response> {
  const until = Date.now() + patienceMs;
  for (let longest = firstPauseMs; ; longest = Math.min(2 * longest, longestPauseMs)) {
    const tried = await tryOnce(sent, attempt);
    if ('status' in tried) return tried;
    const { because, askedToWaitMs } = tried;
    // Not all at the same time, after what has stopped all of them.
    const pauseMs = Math.max(askedToWaitMs, Math.random() * longest);
    if (Date.now() + pauseMs > until) {
      if (because instanceof LedgerProblem) throw because;
      const message = `${sent.url} has not been answered in ${patienceMs} ms`;
      throw new LedgerUnreachable(message, sent.idempotencyKey, { cause: because });
    }
    onRetry?.({ url: sent.url, because, pauseMs });
    await pause(pauseMs, sent.signal);
  }
}

async function tryOnce(
  { signal, idempotencyKey }: Sent,
  attempt: () => Promise<Response>,
): Promise<Response | Trouble> {
  let response: Response;
  try {
    response = await attempt();
  } catch (error) {
    signal.throwIfAborted();
    if (!isOfConnection(error)) throw error;
    return { because: error, askedToWaitMs: 0 };
  }
  const askedToWaitMs = waitAskedForBy(response) ?? 0;
  // A view of the past is being made; the same request is answered with it when it is there.
  if (response.status === 202) return { because: 'it is being made', askedToWaitMs: askedToWaitMs || 1000 };
  if (response.ok || response.status === 304) return response;
  const problem = new LedgerProblem(await problemIn(response), response, idempotencyKey);
  if (!isWorthRetrying(problem, response)) throw problem;
  return { because: problem, askedToWaitMs };
}

function waitAskedForBy({ headers }: Response): number | undefined {
  const said = headers.get('Retry-After');
  if (said === null) return undefined;
  // Seconds from a ledger; what stands before it may name a time instead (RFC 9110 10.2.3).
  const ms = /^\d+$/.test(said) ? 1000 * Number(said) : Date.parse(said) - Date.now();
  return ms > 0 ? ms : 0;
}

function isWorthRetrying({ code }: LedgerProblem, { status, headers }: Response): boolean {
  if (status === 409) return code === 'CommandInProgress' || code === 'ConcurrencyConflict';
  // What stands before the ledger cannot reach it, or has not waited for its answer.
  if (code === notOfALedger) return status === 502 || status === 503 || status === 504;
  return (status === 429 || status === 503) && headers.has('Retry-After');
}

/**
 * `fetch` says TypeError for a connection that failed or broke, and a try that took too long ends with TimeoutError. By
 * name, for errors of another realm.
 */
export function isOfConnection(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && ofConnection.has(error.name);
}
const ofConnection = new Set<unknown>(['TypeError', 'TimeoutError']);

/** What the answer says, or that something between here and the ledger has answered instead of it. */
async function problemIn(response: Response): Promise<Problem> {
  const text = await response.text();
  if (/^application\/problem\+json\b/.test(response.headers.get('Content-Type') ?? ''))
    return JSON.parse(text) as Problem;
  return {
    type: 'about:blank',
    title: `The answer ${response.status} is not of a ledger`,
    status: response.status,
    detail: text.slice(0, 200),
    code: notOfALedger,
    retryable: false,
  };
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', given, { once: true });
    function done() {
      signal.removeEventListener('abort', given);
      resolve();
    }
    function given() {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
  });
}
