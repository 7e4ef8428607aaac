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

/** A bearer token, or a function that gets one. It is called before every try, so that a long-lived client has a fresh token. */
export type Token = string | (() => string | Promise<string>);

export interface LedgerClientOptions {
  /** Such as `https://ledger.example`. */
  readonly baseUrl: string;
  readonly token: Token;
  /** The time for all tries of a request, in ms (60,000). */
  readonly patienceMs?: number;
  /** The timeout of one try, in ms (30,000). It must not be shorter than a wait that you ask for with `Prefer`. */
  readonly attemptMs?: number;
  /** Called before a request is sent again. */
  readonly onRetry?: (retry: Retry) => void;
  /** The position of an earlier client; see {@link LedgerClient.position}. */
  readonly position?: LedgerPosition;
  readonly fetch?: typeof fetch;
}

type Typed = Client<paths>;
type Method = 'get' | 'post' | 'delete';
type Path<M extends Method> = ClientPathsWithMethod<Typed, M>;
type Init<P extends keyof paths, M extends Method> = MaybeOptionalInit<paths[P], M & keyof paths[P]>;
/** As in openapi-fetch: an init without required members may be left out. */
type Given<I> = undefined extends I ? [init?: I] : [init: I];
type Json = 'application/json' | 'application/cloudevents-batch+json' | 'application/schema+json';
type ContentOf<Response> = Response extends { content: infer Content } ? Content[keyof Content & Json] : never;
/** The data of a successful answer. */
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

/** The relationship of a command, and how the command is sent. */
export interface SendOptions extends RelationshipIds {
  /** A new key unless given. */
  readonly idempotencyKey?: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  /** Decides without recording anything. */
  readonly dryRun?: boolean;
  /** Free text that is recorded with the events. */
  readonly comment?: string;
}

export interface LedgerClient {
  /** Sends a command by its name and data. @throws LedgerProblem, LedgerUnreachable */
  readonly send: (command: Command, options: SendOptions) => Promise<Answered<CommandAnswer>>;
  /** Answered once the views have reached the furthest position that this client has seen: it reads what it wrote. */
  readonly GET: Call<'get'>;
  /** Sends a command, under a new key unless the header Idempotency-Key is given. */
  readonly POST: Call<'post'>;
  readonly DELETE: Call<'delete'>;
  /** Every page of a list. */
  readonly pages: <P extends Path<'get'>>(
    path: P,
    ...init: Given<Init<P, 'get'>>
  ) => AsyncGenerator<DataOf<P, 'get'>, void>;
  /** Every item of a list. */
  readonly items: <P extends Path<'get'>>(
    path: P,
    ...init: Given<Init<P, 'get'>>
  ) => AsyncGenerator<ItemOf<DataOf<P, 'get'>>, void>;
  /** The events that the caller may see, as they are recorded, each once. It survives lost connections and goes on until it is ended. */
  readonly follow: (options?: FollowOptions) => AsyncGenerator<Followed, void>;
  /** The furthest position that this client has seen. Pass it to another client, which then reads what this one wrote. */
  readonly position: () => LedgerPosition | undefined;
}

/** A client that keeps the caller's half of the contract: it sends keys, retries under the same key, and reads its own writes. */
export function ledgerClient({ token, ...options }: LedgerClientOptions): LedgerClient {
  return ledgerClients(options)(token);
}

/** Clients of several senders, one for each token. They read what any of them has written. */
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
    GET: call<'get'>('GET'),
    POST: call<'post'>('POST'),
    DELETE: call<'delete'>('DELETE'),
    pages,
    items,
    follow: (asked = {}) => follow({ baseUrl: options.baseUrl, authorization, attempts, transport, seen }, asked),
    position: () => seen.latest,
  };

  async function authorization(): Promise<string> {
    return `Bearer ${typeof token === 'string' ? token : await token()}`;
  }

  /** Sends a request until it is answered. */
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
        // The body is read here, so that an answer that breaks off counts as none.
        const content = response.status === 304 || response.status === 204 ? null : await response.arrayBuffer();
        return new Response(content, response);
      });
    try {
      return await (isBulk ? untilItemsAreAnswered(attempts, { url, signal, body }, send) : send(body));
    } catch (error) {
      // Another ledger, or one restored from a backup: the position must not be sent with the next query.
      if (error instanceof LedgerProblem && error.code === 'LedgerPositionUnknown') seen.forget();
      throw error;
    }
  }

  async function sendCommand(
    command: Command,
    { idempotencyKey, ifMatch, ifNoneMatch, dryRun, comment, ...relationship }: SendOptions,
  ): Promise<Answered<CommandAnswer>> {
    const { path, body } = commandRequest(command, relationship);
    const init = {
      params: {
        query: dryRun ? { dryRun } : {},
        // openapi-fetch leaves out what is undefined.
        header: { 'Idempotency-Key': idempotencyKey, 'If-Match': ifMatch, 'If-None-Match': ifNoneMatch },
      },
      body: { ...body, comment },
    };
    const { data, response } = await api.POST(path as never, init as never);
    // The document types all answers.
    return { data: data as never, response };
  }

  /** Problems have been thrown by `answer`, so there is data. */
  function call<M extends Method>(verb: Uppercase<M>): Call<M> {
    return (async (path: string, init?: unknown) => {
      const { data, response } = await api[verb as 'GET'](path as never, init as never);
      return { data, response };
    }) as Call<M>;
  }

  async function* pages<P extends Path<'get'>>(
    path: P,
    ...[init]: Given<Init<P, 'get'>>
  ): AsyncGenerator<DataOf<P, 'get'>, void> {
    const first = (init ?? {}) as FetchOptions<{ parameters: { query?: Record<string, unknown> } }>;
    for (let query = first.params?.query; ;) {
      const asked = { ...first, params: { ...first.params, ...(query ? { query } : {}) } };
      const { data, response } = await api.GET(path as never, asked as never);
      // The document types all answers.
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
      type Items = readonly ItemOf<typeof page>[];
      const listed = page as Items | { readonly items: Items };
      yield* 'items' in listed ? listed.items : listed;
    }
  }
}
