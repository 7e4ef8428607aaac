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
  /** Called before each pause. */
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
  if (response.ok || response.status === 304) return response;
  const problem = new LedgerProblem(await problemIn(response), response, idempotencyKey);
  if (!isWorthRetrying(problem, response)) throw problem;
  return { because: problem, askedToWaitMs };
}

export function waitAskedForBy({ headers }: { readonly headers: Pick<Headers, 'get'> }): number | undefined {
  const said = headers.get('Retry-After');
  if (said === null) return undefined;
  // Seconds from a ledger; what stands before it may name a time instead (RFC 9110 10.2.3).
  const ms = /^\d+$/.test(said) ? 1000 * Number(said) : Date.parse(said) - Date.now();
  return ms > 0 ? ms : 0;
}

/** A ledger says so itself, whatever the status. */
function isWorthRetrying({ code, problem }: LedgerProblem, { status }: Response): boolean {
  return code === notOfALedger ? retryableOfOthers.has(status) : problem.retryable;
}
/** What stands before the ledger is too busy, cannot reach it, or has not waited for the request or its answer. */
const retryableOfOthers = new Set([408, 429, 502, 503, 504]);

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
  const said = /^application\/problem\+json\b/.test(response.headers.get('Content-Type') ?? '') && objectIn(text);
  if (said && typeof said.code === 'string') return said;
  return {
    type: 'about:blank',
    title: `The answer ${response.status} is not of a ledger`,
    status: response.status,
    detail: text.slice(0, 200),
    code: notOfALedger,
    retryable: false,
  };
}

function objectIn(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
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
