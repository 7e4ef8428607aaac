import { LedgerProblem, LedgerUnreachable, notOfALedger, type Problem } from './problem.js';

// When the same request is sent again: nothing has been decided, or the outcome is unknown. Any other refusal is an answer.

export interface Attempts {
  /** The time for all tries of a request, in ms. */
  readonly patienceMs: number;
  /** The timeout of one try, until its whole answer has come, in ms. */
  readonly attemptMs: number;
  /** The longest first pause, in ms. Each further pause is up to twice as long. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Called before each pause. */
  readonly onRetry: ((retry: Retry) => void) | undefined;
}

export interface Retry {
  readonly url: string;
  /** The error, or the refusal. */
  readonly because: unknown;
  readonly pauseMs: number;
}

interface Sent {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly idempotencyKey: string | undefined;
}

/** Why a try brought no answer. */
interface Trouble {
  readonly because: unknown;
  readonly askedToWaitMs: number;
}

/**
 * Sends a request until it is answered.
 * @throws LedgerProblem for a refusal, and for the last answer when the time is up; LedgerUnreachable when there was none;
 * the signal's reason when it is aborted
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
    // Random, so that not all clients come back at the same time after an outage.
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
  // A ledger sends seconds; a proxy may send a time instead (RFC 9110 10.2.3).
  const ms = /^\d+$/.test(said) ? 1000 * Number(said) : Date.parse(said) - Date.now();
  return ms > 0 ? ms : 0;
}

/** A ledger's problem says so itself. Any other answer is judged by its status. */
function isWorthRetrying({ code, problem }: LedgerProblem, { status }: Response): boolean {
  return code === notOfALedger ? retryableOfOthers.has(status) : problem.retryable;
}
/** A proxy is too busy, cannot reach the ledger, or has not waited for the request or its answer. */
const retryableOfOthers = new Set([408, 429, 502, 503, 504]);

/**
 * `fetch` throws TypeError for a connection that failed or broke, and TimeoutError for a timeout. Compared by name, because
 * the error may come from another realm.
 */
export function isOfConnection(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && ofConnection.has(error.name);
}
const ofConnection = new Set<unknown>(['TypeError', 'TimeoutError']);

/** The problem in the answer, or one that says that a proxy has answered instead of the ledger. */
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
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}
