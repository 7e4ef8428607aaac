import { limitsOf, webOf } from '#configuration';
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import {
  addDays,
  addHours,
  commands,
  defaultPolicy,
  nextOfGrant,
  nextOfRequest,
  nextOfReservation,
  nextOfSavingsPlan,
  nextOfSoftware,
  nextOfSubscription,
  pairOf,
  policyHash,
  relationshipCodec,
  relationshipStream,
  settledState,
  type Actor,
  type CommandName,
  type CustomerRelationship,
  type NextBoundary,
  type Partner,
  type Policy,
  type RelationshipCommands,
} from '#customer-relationship';
import { inMemoryEventStore, type EventStore, type Frozen, type MessageOf } from '#event-sourcing';
import { openViews, openViewsFile, projector } from '#projector';
import { relationshipViews } from '#read-models';
import { ServerHealth } from '../../apps/server/src/health/server-health.js';
import { httpServer } from '../../apps/server/src/http-server.js';
import { ServerModule, ledgerOf } from '../../apps/server/src/server.module.js';
import { clockOf } from '../../apps/server/src/testing-ledger.js';
import { listsOfCustomer, partnerWideLists } from '../lists.js';

// A ledger whose clock the test moves: the real loop, views and routes over a store, without other processes or threads.

export const partner: Partner = {
  tenantId: 'a0be0000-0000-4000-8000-000000000001',
  partnerId: '4200001',
  name: 'Litware',
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [{ tenantId: 'b0be0000-0000-4000-8000-000000000001', partnerId: '4200002', name: 'Proseware' }],
};
const admin: Actor = {
  id: 'ada',
  kind: 'partnerUser',
  roles: ['GlobalAdmin', 'AdminAgent'],
  tenant: partner.tenantId,
};
const ledgerId = 'c1d2e3f4-0000-4000-8000-000000000002';

export type Command = MessageOf<RelationshipCommands>;
type Row = Readonly<Record<string, unknown>>;

/** The time a number of days, and of milliseconds, after another. */
export const daysAfter = (start: string, days: number, ms = 0): string =>
  new Date(Date.parse(addHours(addDays(start, Math.floor(days)), (days % 1) * 24)) + ms).toISOString();

export class AgedLedger implements AsyncDisposable {
  private readonly directory = mkdtempSync(join(tmpdir(), 'aged-'));
  private readonly closing = new AsyncDisposableStack();
  private url!: string;
  private ledger!: ReturnType<typeof ledgerOf>;
  private now = '2020-01-01T00:00:00.000Z';

  private constructor(
    readonly store: EventStore,
    readonly policy: Policy,
  ) {}

  static async open(policy = defaultPolicy, store: EventStore = inMemoryEventStore()): Promise<AgedLedger> {
    const opened = new AgedLedger(store, policy);
    await opened.start();
    return opened;
  }

  private async start(): Promise<void> {
    this.closing.defer(() => rmSync(this.directory, { recursive: true }));
    const views = openViews({ path: join(this.directory, 'views.sqlite'), projections: relationshipViews });
    this.closing.defer(() => views.close());
    this.ledger = ledgerOf({
      id: ledgerId,
      place: undefined,
      store: this.store,
      views,
      secret: Buffer.alloc(32, 7),
      policy: this.policy,
      partners: new Map([[partner.tenantId, partner]]),
      logger: pino({ level: 'silent' }),
      clock: clockOf(() => this.now),
    });
    const health = new ServerHealth();
    health.waitingFor = undefined;
    const app = await httpServer({
      module: ServerModule.serving(this.ledger, health, { viewLagSeconds: 60 }),
      verifier: { verify: () => ({ ...admin, app: false, expiresAt: Infinity }), cached: () => 0 },
      limits: limitsOf({ RATE_LIMIT: 0, FAILED_TOKEN_LIMIT: 0 }),
      web: webOf({}),
      logger: pino({ level: 'silent' }),
      health,
      onAnswered: () => undefined,
      onDenied: () => undefined,
    });
    await app.listen(0, '127.0.0.1');
    this.url = await app.getUrl();
    this.closing.defer(() => app.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.closing.disposeAsync();
  }

  /** Sends a command at a time; answers what became of it, without revisions and without what time had brought about before. */
  async send(customerId: string, at: string, command: Command, actor = actorOf(command, customerId)): Promise<unknown> {
    const outcome = await this.handle(customerId, at, command, { actor });
    if (outcome.outcome === 'refused') return { refused: outcome.rejection.code, details: outcome.rejection.details };
    if (outcome.outcome !== 'accepted') throw new Error(`${command.type} at ${at}: ${outcome.outcome}`);
    const first = outcome.revision - outcome.events.length + 1;
    const recorded = await this.store.read(relationshipStream(partner.tenantId, customerId), { from: first });
    return {
      accepted: recorded
        .filter(({ metadata }) => metadata.command === command.type)
        .map(({ type, data }) => ({ type, data })),
    };
  }

  /** Sends a command, under an id where it is to be sent again. */
  handle(
    customerId: string,
    at: string,
    command: Command,
    { actor = actorOf(command, customerId), commandId = randomUUID() }: { actor?: Actor; commandId?: string } = {},
  ) {
    return this.ledger.relationships.handle({
      stream: relationshipStream(partner.tenantId, customerId),
      command,
      metadata: {
        actor,
        commandId,
        commandHash: commandId,
        causationId: commandId,
        correlationId: commandId,
        policy: { name: this.policy.name, hash: policyHash(this.policy) },
      },
      now: at,
      contextAt: (now) => ({ now, actor, policy: this.policy, partner, customerId }),
    });
  }

  /** What is due of a relationship until a time, sent as the timekeeper sends it: each at its time, or all at once later. */
  async keepTime(customerId: string, until: string, laterAt?: string): Promise<void> {
    const stream = relationshipStream(partner.tenantId, customerId);
    for (;;) {
      const next = await this.ledger.relationships.ask(stream, (state) => firstDue(state, until));
      if (!next) return;
      const at = laterAt ?? daysAfter(next.at, 0, 1);
      const outcome = await this.send(customerId, at, next.command, keeper);
      if (!(outcome as Row)['accepted'])
        throw new Error(`${JSON.stringify(next)} at ${at}: ${JSON.stringify(outcome)}`);
    }
  }

  /** Every single read of a customer, and what a removal would meet, as answered at a time. */
  async reads(customerId: string, at: string): Promise<Map<string, Row>> {
    const stream = relationshipStream(partner.tenantId, customerId);
    const paths = await this.ledger.relationships.ask(stream, pathsOf);
    const answers = new Map<string, Row>();
    for (const path of paths) answers.set(path, await this.get(`/v1/customers/${customerId}/${path}`, at));
    return answers;
  }

  /** The state of a relationship as dates alone have left it, under the policy of this server where no other one counts. */
  async settled(customerId: string, at: string): Promise<State> {
    const stream = relationshipStream(partner.tenantId, customerId);
    return this.ledger.relationships.ask(stream, (state) => structuredClone(settledState(state, at, this.policy)));
  }

  /** Every list of all customers at a time, and of one customer where one is named: its rows by path. */
  async lists(at: string, customerId?: string): Promise<Map<string, readonly Row[]>> {
    await this.project();
    const paths = customerId ? listsOfCustomer.map((path) => `/v1/customers/${customerId}/${path}`) : partnerWideLists;
    const lists = new Map<string, readonly Row[]>();
    for (const path of paths) lists.set(path, await this.rowsOf(`${path}?limit=200`, at));
    return lists;
  }

  async rowsOf(first: string, at: string): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (let url: string | undefined = first; url;) {
      const page = await this.get(url, at);
      if (page['status'] !== 200) throw new Error(`${url} at ${at}: ${JSON.stringify(page)}`);
      rows.push(...(page['items'] as readonly Row[]));
      url = page['next'] as string | undefined;
    }
    return rows;
  }

  /** The answer of a route at a time, without what another history of the same facts may have otherwise. */
  async get(url: string, at: string): Promise<Row> {
    this.now = at;
    const answer = await fetch(`${this.url}${url}`, { headers: { authorization: 'Bearer ada' } });
    const body = (await answer.json()) as Row;
    if (answer.status >= 500) throw new Error(`${url} at ${at}: ${JSON.stringify(body)}`);
    const { revision: _, position: __, asOf: ___, instance: ____, correlationId: _____, ...rest } = body;
    const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    return { status: answer.status, ...rest, ...(next ? { next } : {}) };
  }

  /** Brings the views up to the end of the log. */
  private async project(): Promise<void> {
    const path = join(this.directory, 'views.sqlite');
    const views = openViewsFile({ path, projections: relationshipViews });
    const running = projector({
      store: this.store,
      codec: relationshipCodec,
      subjectOf: pairOf,
      views,
      projections: relationshipViews,
      ledgerId,
      head: await this.store.head(),
      transactionSize: 5_000,
      cachedRows: 50_000,
      onStopped: (view, { message }) => {
        throw new Error(`${view}: ${message}`);
      },
      onTrouble: (error) => {
        throw error;
      },
    });
    await running.catchUp(new AbortController().signal);
    views.close();
  }
}

/** As the timekeeper is recorded. */
const keeper: Actor = { id: 'timekeeper', kind: 'system', roles: [], tenant: partner.tenantId };

function actorOf({ type }: Command, customerId: string): Actor {
  return commands[type].right.customer && /^(Accept|Approve|Decline)/.test(type)
    ? { id: 'chris', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId }
    : admin;
}

type State = Frozen<CustomerRelationship>;

/** The command that is due first of a relationship, with its boundary. */
function firstDue(state: State, until: string): { readonly at: string; readonly command: Command } | undefined {
  const due: { at: string; command: Command }[] = [];
  const add = (next: NextBoundary | undefined, data: object) => {
    if (next && next.at < until) due.push({ at: next.at, command: { type: next.command, data } as Command });
  };
  add(nextOfRequest(state.request), {});
  for (const [subscriptionId, subscription] of state.subscriptions)
    add(nextOfSubscription({ ...subscription, endsAt: subscription.termEndsAt }), { subscriptionId });
  for (const [reservationId, reservation] of state.reservations) add(nextOfReservation(reservation), { reservationId });
  for (const [purchaseId, purchase] of state.software) add(nextOfSoftware(purchase), { purchaseId });
  for (const [savingsPlanId, plan] of state.savingsPlans) add(nextOfSavingsPlan(plan), { savingsPlanId });
  for (const [grantId, grant] of state.grants) add(nextOfGrant(grant), { grantId });
  return due.toSorted((one, other) => (one.at < other.at ? -1 : 1))[0];
}

/** Where every part of a relationship is read. */
function pathsOf(state: State): string[] {
  const paths = ['reseller-relationship', 'reseller-relationship/removal-readiness'];
  for (const [id, { azureSubscriptions }] of state.subscriptions) {
    paths.push(`subscriptions/${id}`);
    for (const azure of azureSubscriptions.keys()) paths.push(`subscriptions/${id}/azure-subscriptions/${azure}`);
  }
  for (const id of state.reservations.keys()) paths.push(`reservations/${id}`);
  for (const id of state.software.keys()) paths.push(`software/${id}`);
  for (const id of state.savingsPlans.keys()) paths.push(`savings-plans/${id}`);
  for (const [id, grant] of state.grants) {
    paths.push(`delegated-admin/${id}`);
    if (grant.kind === 'gdap')
      for (const access of grant.accessAssignments.keys())
        paths.push(`delegated-admin/${id}/access-assignments/${access}`);
  }
  return paths;
}

/** Whether a row says at a time that something of it is overdue: by a mark, or in the list of what comes next. */
export function isMarked(row: Row, at: string): boolean {
  const { overdueSince, readiness, command, dueAt } = row as Readonly<Record<string, string | undefined>>;
  const mark = overdueSince ?? (readiness as Row | undefined)?.['overdueSince'];
  return (mark ?? undefined) !== undefined || (command !== undefined && dueAt! <= at);
}

/** What tells a row of a list from the others. */
export function keyOf(row: Row): string {
  const { customerId, item, itemId, subscriptionId, grantId, relationshipTerm } = row;
  return [customerId, item, itemId, subscriptionId, grantId, relationshipTerm].join(' ');
}

export type { CommandName, Row };
