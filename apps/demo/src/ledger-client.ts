import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '#customer-relationship';

/** What the server has said, whatever it was. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export class ServerUnreachable extends Error {
  override readonly name = 'ServerUnreachable';
}

export interface LedgerClientOptions {
  readonly url: string;
  readonly token: (actor: Actor) => Promise<string>;
  /** How long one request is tried before the server counts as unreachable, in milliseconds. */
  readonly patienceMs?: number;
  readonly onRetry?: () => void;
}

/** After these answers the same request with the same key is right: nothing was decided, or nobody knows. */
function isWorthRetrying({ status, body }: Reply): boolean {
  return status === 429 || status === 503 || body['retryable'] === true;
}

/** HTTP with the caller's half of the contract: a lost or undecided command is sent again under the same key. */
export class LedgerClient {
  /** The latest position that an answer has named, as it named it. */
  private latest: { readonly position: number; readonly header: string } | undefined;

  constructor(private readonly options: LedgerClientOptions) {}

  /** `upToDate`: not before the view has reached everything that this client has sent. */
  get(by: Actor, path: string, { upToDate = false } = {}): Promise<Reply> {
    const headers = upToDate && this.latest ? { 'Ledger-Position': this.latest.header, Prefer: 'wait=20' } : {};
    return this.send(by, path, { method: 'GET', headers });
  }

  post(by: Actor, path: string, body: object, idempotencyKey: string, ifMatch?: string): Promise<Reply> {
    return this.send(by, path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'Content-Type': 'application/json',
        'Idempotency-Key': idempotencyKey,
        ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
      },
    });
  }

  /** @throws ServerUnreachable when patience has run out */
  private async send(by: Actor, path: string, init: RequestInit): Promise<Reply> {
    const { url, token, patienceMs = 30_000, onRetry } = this.options;
    const until = Date.now() + patienceMs;
    for (let waitMs = 50; ; waitMs = Math.min(2 * waitMs, 2_000)) {
      let askedToWaitMs = 0;
      let trouble: unknown;
      try {
        const authorization = `Bearer ${await token(by)}`;
        const response = await fetch(`${url}${path}`, {
          ...init,
          headers: { ...init.headers, Authorization: authorization },
          signal: AbortSignal.timeout(patienceMs),
        });
        const text = await response.text();
        const reply = { status: response.status, headers: response.headers, body: bodyOf(text) };
        this.note(response.headers.get('Ledger-Position'));
        if (!isWorthRetrying(reply)) return reply;
        askedToWaitMs = 1000 * Number(response.headers.get('Retry-After') ?? 0);
        trouble = `it answers ${reply.status} ${JSON.stringify(reply.body)}`;
      } catch (error) {
        // `fetch` fails only where there was no answer, and the cause says why; by name, for errors of another realm.
        if (!['TypeError', 'TimeoutError'].includes((error as Error).name)) throw error;
        trouble = (error as Error).cause ?? error;
      }
      if (Date.now() + waitMs > until)
        throw new ServerUnreachable(
          `${url} does not take requests: ${trouble instanceof Error ? reasonOf(trouble) : String(trouble)}`,
        );
      onRetry?.();
      await sleep(Math.max(waitMs, askedToWaitMs));
    }
  }

  private note(header: string | null): void {
    if (header === null) return;
    const position = Number(header.split(';', 1)[0]);
    if (position > (this.latest?.position ?? 0)) this.latest = { position, header };
  }
}

function bodyOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}

/** An `AggregateError` of failed connections has no message of its own. */
function reasonOf(error: Error): string {
  return error.message || ((error as { code?: string }).code ?? error.name);
}
