import createClient, {
  type Client,
  type ClientPathsWithMethod,
  type FetchOptions,
  type MaybeOptionalInit,
} from 'openapi-fetch';
import type { paths } from './api.js';
import { withRetries, type Attempts, type Retry } from './attempts.js';
import { untilItemsAreAnswered } from './bulk.js';
import { commandRequest, type Command, type CommandAnswer, type RelationshipIds } from './commands.js';
import { follow, type Followed, type FollowOptions } from './follow.js';
import { SeenPosition, type LedgerPosition } from './ledger-position.js';
import { LedgerProblem } from './problem.js';

/** A bearer token, or what gets one: it is asked before every try, so that a long-lived client has a fresh one. */
export type Token = string | (() => string | Promise<string>);

export interface LedgerClientOptions {
  /** Such as `https://ledger.example`. */
  readonly baseUrl: string;
  readonly token: Token;
  /** How long a request is tried in all, in ms (60,000). */
  readonly patienceMs?: number;
  /** How long one try may take, in ms (30,000); no less than the longest wait that you ask for with `Prefer`. */
  readonly attemptMs?: number;
  /** Called before a request is sent again. */
  readonly onRetry?: (retry: Retry) => void;
  /** Where an earlier client had come to; see {@link LedgerClient.position}. */
  readonly position?: LedgerPosition;
  readonly fetch?: typeof fetch;
}

type Typed = Client<paths>;
type Method = 'get' | 'post' | 'delete';
type Path<M extends Method> = ClientPathsWithMethod<Typed, M>;
type Init<P extends keyof paths, M extends Method> = MaybeOptionalInit<paths[P], M & keyof paths[P]>;
/** As openapi-fetch has it: nothing to say may be left out. */
type Given<I> = undefined extends I ? [init?: I] : [init: I];
type Json = 'application/json' | 'application/cloudevents-batch+json' | 'application/schema+json';
type ContentOf<Response> = Response extends { content: infer Content } ? Content[keyof Content & Json] : never;
/** Of an answer that has what was asked for. */
type DataOf<P extends keyof paths, M extends Method> = paths[P][M] extends { responses: infer Responses }
  ? ContentOf<Responses[keyof Responses & (200 | 201)]>
  : never;

export interface Answered<Data> {
  readonly data: Data;
  readonly response: Response;
}

/** A call of the ledger by path and method, typed by its OpenAPI document. @throws LedgerProblem, LedgerUnreachable */
export type Call<M extends Method> = <P extends Path<M>>(
  path: P,
  ...init: Given<Init<P, M>>
) => Promise<Answered<DataOf<P, M>>>;

type ItemOf<Data> = Data extends { readonly items: readonly (infer Item)[] }
  ? Item
  : Data extends readonly (infer Item)[]
    ? Item
    : never;

/** To whom a command is sent, and how. */
export interface SendOptions extends RelationshipIds {
  /** One of its own unless given. */
  readonly idempotencyKey?: string;
  readonly ifMatch?: string;
  /** Decides without recording anything. */
  readonly dryRun?: boolean;
  /** Free text that is kept with what is recorded. */
  readonly comment?: string;
}

export interface LedgerClient {
  /** Sends a command by its name and data. @throws LedgerProblem, LedgerUnreachable */
  readonly send: (command: Command, options: SendOptions) => Promise<Answered<CommandAnswer>>;
  /** Not before the views have come to where this client has seen the ledger: it reads what it wrote. */
  readonly GET: Call<'get'>;
  /** A command, under a key of its own unless one is given as the header Idempotency-Key. */
  readonly POST: Call<'post'>;
  readonly DELETE: Call<'delete'>;
  /** Every page of a list, the first as asked for. */
  readonly pages: <P extends Path<'get'>>(
    path: P,
    ...init: Given<Init<P, 'get'>>
  ) => AsyncGenerator<DataOf<P, 'get'>, void>;
  /** What stands on every page of a list. */
  readonly items: <P extends Path<'get'>>(
    path: P,
    ...init: Given<Init<P, 'get'>>
  ) => AsyncGenerator<ItemOf<DataOf<P, 'get'>>, void>;
  /** Events of all that the caller may see, as they are recorded, each once; it goes on over lost connections until it is given up. */
  readonly follow: (options?: FollowOptions) => AsyncGenerator<Followed, void>;
  /** How far the ledger has been seen to have come; give it to the next client to read there what was written here. */
  readonly position: () => LedgerPosition | undefined;
}

/** A client that keeps the caller's half of the contract: keys, retries under the same key, and its own writes read. */
export function ledgerClient({ token, ...options }: LedgerClientOptions): LedgerClient {
  return ledgerClients(options)(token);
}

/** Clients of several senders, each by its token: what one of them has written, all of them read. */
export function ledgerClients(options: Omit<LedgerClientOptions, 'token'>): (token: Token) => LedgerClient {
  const seen = new SeenPosition();
  seen.note(options.position ?? null);
  return (token) => clientOf(options, seen, token);
}

function clientOf(options: Omit<LedgerClientOptions, 'token'>, seen: SeenPosition, token: Token): LedgerClient {
  const attempts: Attempts = {
    patienceMs: options.patienceMs ?? 60_000,
    attemptMs: options.attemptMs ?? 30_000,
    firstPauseMs: 100,
    longestPauseMs: 5_000,
    onRetry: options.onRetry,
  };
  const transport = options.fetch ?? fetch;
  const api: Typed = createClient<paths>({ baseUrl: options.baseUrl, fetch: answer });
  return {
    send: sendCommand,
    GET: call((path, init) => api.GET(path as never, init as never)),
    POST: call((path, init) => api.POST(path as never, init as never)),
    DELETE: call((path, init) => api.DELETE(path as never, init as never)),
    pages,
    items,
    follow: (asked = {}) => follow({ baseUrl: options.baseUrl, authorization, attempts, transport, seen }, asked),
    position: () => seen.latest,
  };

  async function authorization(): Promise<string> {
    return `Bearer ${typeof token === 'string' ? token : await token()}`;
  }

  /** One request, sent until it is answered. */
  async function answer(request: Request): Promise<Response> {
    const { url, method, signal } = request;
    const headers = new Headers(request.headers);
    const { pathname, searchParams } = new URL(url);
    const isBulk = method === 'POST' && pathname.endsWith('/v1/commands');
    const isCommand = method === 'POST' && searchParams.get('dryRun') !== 'true' && !isBulk;
    if (isCommand && !headers.has('Idempotency-Key')) headers.set('Idempotency-Key', crypto.randomUUID());
    const asksOfThePast = [...searchParams.keys()].some((name) => name.startsWith('asOf'));
    if (method === 'GET' && seen.latest && !asksOfThePast && !headers.has('Ledger-Position'))
      headers.set('Ledger-Position', seen.latest);
    const body = request.body ? await request.arrayBuffer() : null;
    const idempotencyKey = headers.get('Idempotency-Key') ?? undefined;

    const send = (sent: ArrayBuffer | string | null, patienceMs = attempts.patienceMs) =>
      withRetries({ ...attempts, patienceMs }, { url, signal, idempotencyKey }, async () => {
        headers.set('Authorization', await authorization());
        const tooLong = AbortSignal.timeout(attempts.attemptMs);
        const response = await transport(
          new Request(url, { method, headers, body: sent, signal: AbortSignal.any([signal, tooLong]) }),
        );
        seen.note(response.headers.get('Ledger-Position'));
        // Read wholly here, so that an answer that breaks off is no answer.
        const content = response.status === 304 || response.status === 204 ? null : await response.arrayBuffer();
        return new Response(content, response);
      });
    try {
      return await (isBulk ? untilItemsAreAnswered(attempts, { url, signal, body }, send) : send(body));
    } catch (error) {
      // Another ledger, or one restored from a backup. What is asked for next must not be held to what is no more.
      if (error instanceof LedgerProblem && error.code === 'LedgerPositionUnknown') seen.forget();
      throw error;
    }
  }

  async function sendCommand(
    command: Command,
    { idempotencyKey, ifMatch, dryRun, comment, ...relationship }: SendOptions,
  ): Promise<Answered<CommandAnswer>> {
    const { path, body } = commandRequest(command, relationship);
    const init = {
      params: {
        query: dryRun ? { dryRun } : {},
        header: {
          ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
          ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
        },
      },
      body: comment === undefined ? body : { ...body, comment },
    };
    const { data, response } = await api.POST(path as never, init as never);
    // Typed by the document, as everything that comes in.
    return { data: data as never, response };
  }

  /** Problems are thrown where the answer comes in, so what arrives here has data. */
  function call<M extends Method>(
    send: (path: string, init: unknown) => Promise<{ data?: unknown; response: Response }>,
  ): Call<M> {
    const sent = async (path: string, init?: unknown) => {
      const { data, response } = await send(path, init);
      return { data, response };
    };
    return sent as Call<M>;
  }

  async function* pages<P extends Path<'get'>>(
    path: P,
    ...[init]: Given<Init<P, 'get'>>
  ): AsyncGenerator<DataOf<P, 'get'>, void> {
    const first = (init ?? {}) as FetchOptions<{ parameters: { query?: Record<string, unknown> } }>;
    for (let query = first.params?.query; ;) {
      const asked = { ...first, params: { ...first.params, ...(query ? { query } : {}) } };
      const { data, response } = await api.GET(path as never, asked as never);
      // Typed by the document, as everything that comes in.
      yield data as never;
      const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('Link') ?? '')?.[1];
      if (next === undefined) return;
      query = Object.fromEntries(new URL(next, options.baseUrl).searchParams);
    }
  }

  async function* items<P extends Path<'get'>>(
    path: P,
    ...init: Given<Init<P, 'get'>>
  ): AsyncGenerator<ItemOf<DataOf<P, 'get'>>, void> {
    for await (const page of pages(path, ...init)) {
      const listed = page as
        { readonly items: readonly ItemOf<DataOf<P, 'get'>>[] } | readonly ItemOf<DataOf<P, 'get'>>[];
      yield* 'items' in listed ? listed.items : listed;
    }
  }
}
