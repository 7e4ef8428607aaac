import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { timeOfDay } from '../wall-clock.js';
import { operations, type Operation } from './document.js';
import { exchange, type Answered } from './exchange.js';
import { causeOf, simpler, type Finding } from './findings.js';
import type { KnownPartner } from './meanings.js';
import { requestOf, type Request, type Sender } from './requests.js';
import { tellings } from './stories.js';
import { oneIn, pick, type Draw } from './values.js';
import { faultsOf, isRemembered, remembered } from './verdicts.js';
import { World } from './world.js';

export interface RunOptions {
  readonly url: string;
  readonly requests: number;
  readonly seed: number;
  /** How many requests are under way at a time; with 1, a seed makes the same run again. */
  readonly atOnce: number;
  readonly partners: readonly KnownPartner[];
  /** The token of a requester. */
  readonly tokenOf: (sender: Exclude<Sender['token'], string | null>) => Promise<string>;
  readonly onProgress?: (sent: number) => void;
}

/** After this number of requests, everything is bought, used and ended once more, so that there is something to ask about. */
const season = 2500;

export interface RunResult {
  readonly findings: readonly Finding[];
  /** By operation, how often each status was answered. */
  readonly statuses: ReadonlyMap<Operation, ReadonlyMap<number, number>>;
  readonly sent: number;
  readonly retried: number;
  readonly replayed: number;
}

interface Sent {
  readonly request: Request;
  readonly answered: Answered;
}

/** Sends requests as the document has them and as it does not, and holds every answer to it. */
export async function run(options: RunOptions): Promise<RunResult> {
  const { url, requests, seed, atOnce, partners } = options;
  const world = new World(partners.map(({ tenantId }) => tenantId));
  const statuses = new Map(operations.map((operation) => [operation, new Map<number, number>()]));
  const findings = new Map<string, Finding>();
  const memorable: Sent[] = [];
  let [sent, retried, replayed, started, seasons] = [0, 0, 0, 0, 0];

  const untold: (() => Request | undefined)[][] = [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (started < requests) {
        if (started >= seasons * season) tellAgain();
        const story = untold.shift();
        if (story) {
          await play(story);
          continue;
        }
        const turn = started++;
        // One draw function for each request: what it is depends on the seed and on the answers so far.
        const [next] = fc.sample(
          fc.gen().map((take) => drawn(<T>(arbitrary: fc.Arbitrary<T>) => take(() => arbitrary))),
          { seed: seed + turn, numRuns: 1 },
        );
        if (next!.kind === 'retry') await retry(next!.of, next!.otherBody);
        else await first(next!.request);
        if (sent % 500 === 0) options.onProgress?.(sent);
      }
    }),
  );
  return { findings: [...findings.values()], statuses, sent, retried, replayed };

  function tellAgain(): void {
    const [uuid, second] = [`${String(seed % 1e8).padStart(8, '0')}-0000-4000-8000-`, seasons++ % 4 === 3];
    const partner = partners[second ? 1 : 0]!;
    const newCustomer = () =>
      world.addCustomer(`${uuid}${String(world.customers.length).padStart(12, '0')}`, partner.tenantId);
    untold.push(...tellings({ world, partner, now: timeOfDay().getTime(), newKey: () => world.newKey(), newCustomer }));
  }

  async function play(story: readonly (() => Request | undefined)[]): Promise<void> {
    for (const step of story) {
      const request = step();
      if (!request) continue;
      started++;
      await first(request);
    }
  }

  type Next =
    | { readonly kind: 'first'; readonly request: Request }
    | { readonly kind: 'retry'; readonly of: Sent; readonly otherBody: boolean };

  function drawn(draw: Draw): Next {
    if (memorable.length > 0 && oneIn(draw, 12))
      return { kind: 'retry', of: pick(draw, memorable.slice(-300)), otherBody: oneIn(draw, 5) };
    const operation = least(draw);
    return { kind: 'first', request: requestOf(operation, { draw, world, partners, now: timeOfDay().getTime() }) };
  }

  /** Mostly an operation that has succeeded seldom. */
  function least(draw: Draw): Operation {
    if (oneIn(draw, 3)) return pick(draw, operations);
    const some = Array.from({ length: 6 }, () => pick(draw, operations));
    return some.reduce((a, b) => (successes(a) <= successes(b) ? a : b));
  }

  function successes(operation: Operation): number {
    return [...statuses.get(operation)!].reduce((sum, [status, times]) => sum + (status < 300 ? times : 0), 0);
  }

  async function first(request: Request): Promise<void> {
    const answered = await send(request);
    if (!answered) return;
    count(request, answered);
    for (const { rule, what } of faultsOf(request, answered)) await find(rule, what, request, answered);
    learn(request, answered);
    const isAsItWas = request.method === request.operation.method && request.operation.isCommand;
    if (isAsItWas && isRemembered(answered) && 'Idempotency-Key' in request.headers && !request.url.includes('?'))
      memorable.push({ request, answered });
  }

  async function retry({ request, answered: before }: Sent, otherBody: boolean): Promise<void> {
    const body = otherBody ? JSON.stringify({ comment: `Another ${seed}` }) : request.body;
    const again = { ...request, body: body ?? '' };
    let answered = await send(again);
    // Another retry of it is under way.
    for (let times = 0; answered && codeOf(answered) === 'CommandInProgress' && times < 50; times++) {
      await sleep(20);
      answered = await send(again);
    }
    if (!answered) return;
    retried++;
    if (otherBody) {
      // A body that lacks what it needs is refused for that; no other body gets the answer of the first.
      if (answered.status < 300 || ![400, 422].includes(answered.status))
        note('another command under the same key is refused', answered.text, again, answered);
      return;
    }
    if (answered.headers.get('Idempotent-Replayed') === 'true') replayed++;
    else note('a retry is answered from memory', `it was ${before.status} ${before.text}`, again, answered);
    if (remembered(answered) !== remembered(before))
      note('a retry is answered as the first', `it was ${remembered(before)}`, again, answered);
  }

  async function send(request: Request): Promise<Answered | undefined> {
    const { token } = request.sender;
    const bearer = token === null || typeof token === 'string' ? token : await options.tokenOf(token);
    const headers = { ...request.headers, ...(bearer === null ? {} : { Authorization: `Bearer ${bearer}` }) };
    sent++;
    try {
      return await exchange(url, { ...request, headers });
    } catch (error) {
      const none: Answered = { status: 0, headers: new Headers(), body: '', text: (error as Error).message };
      note('every request is answered', (error as Error).message, request, none);
      return undefined;
    }
  }

  function count({ operation, method }: Request, { status }: Answered): void {
    if (method !== operation.method) return;
    const of = statuses.get(operation)!;
    of.set(status, (of.get(status) ?? 0) + 1);
  }

  function learn({ customer, operation, ids, method }: Request, { status, headers, body }: Answered): void {
    const position = headers.get('Ledger-Position');
    if (position && status < 300) world.positions.push(position);
    const next = /<([^>]+)>; rel="next"/.exec(headers.get('Link') ?? '')?.[1];
    if (next) world.nextPages.set(operation, [...(world.nextPages.get(operation) ?? []).slice(-9), next]);
    const operationId = /\/operations\/([^/]+)$/.exec(headers.get('Location') ?? '')?.[1];
    if (operationId) world.operations.push(operationId);
    const tag = headers.get('ETag');
    if (!tag || method !== operation.method || status >= 300) return;
    if (tag.startsWith('W/')) world.listTags.push(tag);
    else if (operation.path.includes('{customerId}')) customer.tags.push(tag);
    if (!operation.isCommand) return;
    const { relationship, revision } = body as { relationship?: { status: string }; revision?: number };
    customer.revision = revision ?? customer.revision;
    const known = ['requested', 'active', 'removed'] as const;
    if (relationship) customer.status = known.find((each) => each === relationship.status) ?? 'unknown';
    const created = headers.get('Location');
    if (created) customer.items.push({ ...ids, ...idsIn(created) });
  }

  /** Finds the simplest request that still does it, if the server does it again. */
  async function find(rule: string, what: string, request: Request, answered: Answered): Promise<void> {
    if (findings.has(causeOf(rule, request, answered))) return note(rule, what, request, answered);
    let simplest = { what, request, answered };
    for (let tries = 0, found = true; found && tries < 60;) {
      found = false;
      for (const candidate of simpler(simplest.request)) {
        if (++tries > 60) break;
        const other = await send(candidate);
        const same = other && faultsOf(candidate, other).find((each) => each.rule === rule);
        if (!same || causeOf(rule, candidate, other) !== causeOf(rule, request, answered)) continue;
        simplest = { what: same.what, request: candidate, answered: other };
        found = true;
        break;
      }
    }
    note(rule, simplest.what, simplest.request, simplest.answered);
  }

  function note(rule: string, what: string, request: Request, answered: Answered): void {
    const cause = causeOf(rule, request, answered);
    const known = findings.get(cause);
    if (known) known.times++;
    else findings.set(cause, { rule, what, request, answered, times: 1 });
  }
}

function codeOf({ body }: Answered): string | undefined {
  return (body as { readonly code?: string } | undefined)?.code;
}

/** `…/subscriptions/s-1/azure-subscriptions/a-1` names both, as paths of operations have them. */
function idsIn(location: string): Record<string, string> {
  const operation = operations.find(
    ({ path, method }) => method === 'GET' && new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(location),
  );
  const groups =
    operation && new RegExp(`^${operation.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(location)?.groups;
  const { customerId: _, partnerId: __, ...ids } = groups ?? {};
  return ids;
}

/** Operations and how each was answered, the most successful last. */
export function table({ statuses }: Pick<RunResult, 'statuses'>): string {
  const rows = [...statuses].map(([{ id }, counts]) => {
    const shown = [...counts].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`);
    return `${id.padEnd(52)} ${shown.join('  ')}`;
  });
  return rows.join('\n');
}

/** A savings plan can never be cancelled: the route says why. A grant approved now has an end that has not come. */
const neverDone = /^(cancelSavingsPlan|extendDelegatedAdmin)/;

/** Operations that were never seen to succeed, but for those that never do. */
export function unreached({ statuses }: Pick<RunResult, 'statuses'>): string[] {
  return [...statuses]
    .filter(([{ id }, counts]) => !neverDone.test(id) && ![...counts.keys()].some((status) => status < 300))
    .map(([{ id }]) => id);
}
