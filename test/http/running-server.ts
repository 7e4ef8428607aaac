import { hash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Partner, Role } from '#customer-relationship';
import { embeddedKey, isGuid, signToken } from '#http';
import { startServer, type ServerOptions, type ServerProcess } from '../server-process.js';
import { contract } from './contract.js';
import { newJourneyStore, type JourneyStore } from './journey-store.js';

/** The partners of the sample configuration. */
export const partners = JSON.parse(readFileSync(resolve('partners.json'), 'utf8')) as readonly Partner[];
const named = (name: string) => partners.find((partner) => partner.name.startsWith(name))!.tenantId;
export const northwind = named('Northwind');
export const rheinwolke = named('Rheinwolke');
export const greatLakes = named('Great Lakes');
export const harbor = named('Harbor');
export const sandbar = named('Sandbar');

/** The id of a person or program for a name in a spec: a GUID, as issuers give them, which the ledger takes as it is. */
export function idNamed(name: string): string {
  if (isGuid(name)) return name;
  return hash('md5', name).replace(/^(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-8$4-');
}

export interface Who {
  /** The partner's tenant, or the customer's for a customer. */
  readonly tenant?: string;
  readonly roles?: readonly Role[];
  readonly app?: boolean;
  /** In words: see {@link idNamed}. */
  readonly id?: string;
}

export interface Sent {
  /** A token, or who is to get one; null for none. */
  readonly as?: Who | string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** The idempotency key; a new one unless named, null for none. */
  readonly key?: string | null;
  readonly method?: string;
  /** JSON, or text as it is. */
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
  /** Of a problem. */
  readonly code: string | undefined;
}

export interface RunningServer extends ServerProcess {
  readonly dataDirectory: string;
  readonly store: JourneyStore;
  readonly tokenOf: (who: Who) => Promise<string>;
  /** A token of the partner's Global admin under exactly this id. */
  readonly tokenNaming: (id: string) => Promise<string>;
  /** Any request. Every answer is held to openapi.json. */
  readonly send: (path: string, sent?: Sent) => Promise<Answered>;
  readonly get: (path: string, sent?: Sent) => Promise<Answered>;
  /** A command of the partner's Global admin, unless another sender is named. */
  readonly post: (path: string, body?: unknown, sent?: Sent) => Promise<Answered>;
  /** Stops it and starts another on the same data. */
  readonly restart: (until?: RunOptions['until']) => Promise<RunningServer>;
  /** Stops it and takes its data away. */
  readonly end: () => Promise<void>;
}

export interface RunOptions extends Partial<ServerOptions> {
  /** That of another server, to serve the same ledger; one of its own unless named. */
  readonly store?: JourneyStore;
  /** `live`: takes commands, though something may be missing (default `ready`). */
  readonly until?: 'live' | 'ready';
}

/** The built server on data of its own. */
export async function runServer({
  store: given,
  until = 'ready',
  ...options
}: RunOptions = {}): Promise<RunningServer> {
  const directory = options.dataDirectory ?? join(mkdtempSync(join(tmpdir(), 'ledger-http-')), 'data');
  const store = given ?? (await newJourneyStore(directory));
  const env = { LOG_LEVEL: 'info', ...store.env, ...options.env };
  const server = await startServer({ partners, ...options, env, dataDirectory: directory }, until);
  const { signing } = await embeddedKey(join(store.keysDirectory, 'token-key.json'));
  const tokens = new Map<string, Promise<string>>();

  function tokenOf({ tenant = northwind, roles = ['GlobalAdmin', 'AdminAgent'], app = false, id = 'user-1' }: Who) {
    const key = JSON.stringify([tenant, roles, app, id]);
    const known = tokens.get(key) ?? signToken(signing, { tenant, roles, app, id: idNamed(id), minutes: 10 });
    tokens.set(key, known);
    return known;
  }

  const tokenNaming = (id: string) =>
    signToken(signing, { tenant: northwind, roles: ['GlobalAdmin'], app: false, id, minutes: 10 });

  async function send(
    path: string,
    { as = {}, headers = {}, key, method = 'GET', body }: Sent = {},
  ): Promise<Answered> {
    const token = as === null ? undefined : typeof as === 'string' ? as : await tokenOf(as);
    const isCommand = method === 'POST' && key !== null;
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(isCommand ? { 'idempotency-key': key ?? randomUUID() } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body) }),
    }).catch((error: Error) => {
      const { exitCode, signalCode } = server.child;
      throw new Error(
        `${method} ${path} was not answered; the server ${exitCode ?? signalCode ?? 'runs'}:\n${server.output()}`,
        { cause: error },
      );
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const answered = { status: response.status, headers: response.headers, body: parsed };
    contract.hold(method, path, answered);
    return { ...answered, code: response.status >= 400 ? (parsed as { code?: string }).code : undefined };
  }

  const running: RunningServer = {
    ...server,
    dataDirectory: directory,
    store,
    tokenOf,
    tokenNaming,
    send,
    get: (path, sent) => send(path, sent),
    post: (path, body, sent) => send(path, { method: 'POST', body, ...sent }),
    async restart(until) {
      await server.stop();
      return runServer({ ...options, ...(until ? { until } : {}), store, dataDirectory: directory });
    },
    async end() {
      await server.stop();
      rmSync(join(directory, '..'), { recursive: true, force: true });
    },
  };
  return running;
}

export const newCustomer = (): string => randomUUID();

/** A customer's Global admin. */
export const globalAdminOf = (customerId: string): Who => ({
  tenant: customerId,
  roles: ['CustomerGlobalAdmin'],
  id: 'customer-admin',
});

/** The path of a relationship as the partner's side addresses it, or as the customer's does. */
export const customerPath = (customerId: string) => `/v1/customers/${customerId}`;
export const pairPath = (partnerId: string, customerId: string) => `/v1/partners/${partnerId}/customers/${customerId}`;

/** Request, acceptance by the customer and confirmed agreement: what every purchase starts from. */
export async function establish(
  server: RunningServer,
  customerId: string = newCustomer(),
  { partner = northwind, name = 'Contoso' }: { readonly partner?: string; readonly name?: string } = {},
): Promise<string> {
  const as = { tenant: partner };
  const market = partners.find(({ tenantId }) => tenantId === partner)!.market;
  const path = customerPath(customerId);
  const steps = [
    await server.post(`${path}/reseller-relationship/request`, { customer: { name }, market }, { as }),
    await server.post(
      `${pairPath(partner, customerId)}/reseller-relationship/accept`,
      {},
      { as: globalAdminOf(customerId) },
    ),
    await server.post(`${path}/agreement/confirm`, {}, { as }),
  ];
  for (const { status, body } of steps) if (status !== 200) throw new Error(JSON.stringify(body));
  return path;
}

/** A subscription as a partner buys it, active at once. */
export const subscription = (subscriptionId: string, more: object = {}) => ({
  subscriptionId,
  kind: 'newCommerce',
  offerId: 'CFQ7TTC0LH18:0001',
  name: 'Business Basic',
  quantity: 5,
  termDuration: 'P1Y',
  billingCycle: 'monthly',
  provisioned: true,
  ...more,
});
