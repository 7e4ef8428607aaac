// How fast views are rebuilt and catch up, against reading the same log by hand (scan and JSON.parse, nothing else) in
// the same run. Rounds are interleaved, so noise falls on all rows.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { pairOf, relationshipCodec, relationshipStream, type RelationshipEvents } from '#customer-relationship';
import { idOf, noPreviousHash, openLedger, type Json, type MessageOf } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { openViewsFile, projector } from '#projector';
import { relationshipViews } from '#read-models';
import { sealOfRelease } from '../apps/server/src/event-check.js';
import { rebuild } from '#relationship-projector';
import { figure, median, report, table } from './results.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '100000' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(values.rounds);
const wanted = Number(values.events);

const partnerId = 'a0be0000-0000-4000-8000-000000000001';
const contact = { tenantId: partnerId, partnerId: '4200001', name: 'Bench Cloud' };
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const guid = (text: string) => idOf(hash(text));
const at = (days: number) => new Date(Date.UTC(2025, 0, 1) + days * 86_400_000).toISOString();

/** Two years of a relationship, 40 events: five subscriptions, a reservation, a grant with access, most of them changed. */
function history(index: number): readonly MessageOf<RelationshipEvents>[] {
  const customerId = guid(`customer ${index}`);
  const grantId = guid(`grant ${index}`);
  const reservationId = guid(`reservation ${index}`);
  const subscriptions = [0, 1, 2, 3, 4].map((nth) => guid(`subscription ${index} ${nth}`));
  const [plan, first, second] = subscriptions as [string, string, string, string, string];
  const purchased = (subscriptionId: string, nth: number): MessageOf<RelationshipEvents>[] => {
    const kind = nth === 0 ? ('azurePlan' as const) : nth === 1 ? ('legacy' as const) : ('newCommerce' as const);
    return [
      {
        type: 'SubscriptionPurchased',
        data: {
          subscriptionId,
          kind,
          offerId: `CFQ7TTC0LH18:000${nth}`,
          name: ['Azure plan', 'Exchange Online', 'Microsoft 365 Business Premium', 'Project Plan 3', 'Visio'][nth]!,
          quantity: 10 + nth,
          trial: false,
          autoRenew: kind === 'newCommerce',
          boughtBy: 'partner',
          ...(nth === 0 ? {} : { termDuration: 'P1Y' as const, termEndsAt: at(375) }),
          ...(kind === 'newCommerce' ? { cancellationAllowedUntil: at(17) } : {}),
          billingCycle: 'monthly',
          price: { minorUnits: 22_000, currency: 'USD' },
          purchasedAt: at(10),
        },
      },
      { type: 'SubscriptionActivated', data: { subscriptionId, activatedAt: at(10) } },
    ];
  };
  const quantities = (subscriptionId: string): MessageOf<RelationshipEvents>[] =>
    [20, 25, 30].map((quantity) => ({
      type: 'SubscriptionQuantityChanged',
      data: { subscriptionId, quantity, previousQuantity: quantity - 5, changedAt: at(quantity) },
    }));
  const signature = { userId: guid(`admin ${index}`) };
  return [
    {
      type: 'ResellerRelationshipRequested',
      data: {
        partnerId,
        customerId,
        partner: { ...contact, type: 'directBillPartner' },
        customer: { name: `Customer ${(index * 7919) % 1_000_003}`, domain: `customer-${index}.example` },
        market: 'US',
        delegatedAdmin: false,
        requestedAt: at(0),
        expiresAt: at(90),
      },
    },
    {
      type: 'ResellerRelationshipEstablished',
      data: { relationshipTerm: 1, acceptedBy: signature, establishedAt: at(2) },
    },
    { type: 'CustomerAgreementConfirmed', data: { confirmedBy: 'partner', agreedAt: at(2), confirmedAt: at(2) } },
    ...subscriptions.flatMap(purchased),
    {
      type: 'SupportContactAssigned',
      data: { subscriptionId: first, contact, byDefault: true, assignedAt: at(10) },
    },
    ...[1, 2].map((nth) => ({
      type: 'AzureSubscriptionAdded' as const,
      data: {
        subscriptionId: plan,
        azureSubscriptionId: guid(`azure ${index} ${nth}`),
        name: `Azure ${nth}`,
        addedAt: at(12),
      },
    })),
    {
      type: 'ReservationPurchased',
      data: {
        reservationId,
        name: 'Standard_D4s_v5',
        product: 'virtualMachine',
        quantity: 4,
        termDuration: 'P1Y',
        boughtBy: 'partner',
        owners: ['ada'],
        commitmentUsdCents: 480_000,
        purchasedAt: at(14),
        expiresAt: at(379),
      },
    },
    {
      type: 'DelegatedAdminRequested',
      data: {
        grantId,
        name: `Helpdesk ${index}`,
        roles: [guid('role 1'), guid('role 2')],
        durationDays: 365,
        autoExtendDays: 180,
        requestedAt: at(3),
        expiresAt: at(93),
      },
    },
    { type: 'DelegatedAdminLockedForApproval', data: { grantId, lockedAt: at(3) } },
    { type: 'DelegatedAdminApproved', data: { grantId, approvedBy: signature, approvedAt: at(4) } },
    { type: 'DelegatedAdminActivated', data: { grantId, activatedAt: at(4), endsAt: at(369) } },
    {
      type: 'AccessAssignmentCreated',
      data: {
        grantId,
        assignmentId: guid(`a ${index}`),
        groupId: guid('g'),
        roles: [guid('role 1')],
        createdAt: at(5),
      },
    },
    ...subscriptions.slice(1).flatMap(quantities),
    {
      type: 'SubscriptionSuspended',
      data: { subscriptionId: second, reason: 'nonPayment', suspendedAt: at(60) },
    },
    { type: 'AutoRenewDisabled', data: { subscriptionId: second, disabledAt: at(60) } },
    { type: 'SubscriptionReactivated', data: { subscriptionId: second, reactivatedAt: at(63) } },
    {
      type: 'ReservationCancellationRequested',
      data: { reservationId, countedUsdCents: 480_000, exchange: false, requestedAt: at(200) },
    },
    { type: 'ReservationCancelled', data: { reservationId, cancelledAt: at(203) } },
  ];
}

/** A log of that many events as servers write it: relationships side by side, a few events to a command. */
async function fill(directory: string): Promise<number> {
  const store = openSqliteEventStore({ path: eventsFileIn(directory) });
  await openLedger(store, sealOfRelease);
  const metadata = (commandId: string) => ({
    actor: { id: guid('actor'), kind: 'partnerUser', roles: ['GlobalAdmin', 'AdminAgent'], tenant: partnerId },
    causationId: guid(`cause ${commandId}`),
    commandHash: hash(commandId),
    commandId: guid(commandId),
    correlationId: guid(`cause ${commandId}`),
    policy: { name: 'partner-center-2020-06', hash: hash('policy') },
    recordedAt: at(400),
    schema: 1,
  });
  async function write(index: number): Promise<void> {
    const events = history(index);
    const stream = relationshipStream(partnerId, guid(`customer ${index}`));
    let previous = noPreviousHash;
    for (let from = 0; from < events.length; from += 2) {
      const unsealed = events
        .slice(from, from + 2)
        .map(({ type, data }) => ({ type, data: data as Json, metadata: metadata(`${index} ${from}`) }));
      const sealed = sealOfRelease(stream, from, previous, unsealed);
      await store.append(stream, sealed, from - 1);
      previous = sealed.at(-1)!.metadata.hash;
    }
  }
  const each = history(0).length;
  const count = Math.ceil(wanted / each);
  for (let first = 0; first < count; first += 256)
    await Promise.all(Array.from({ length: Math.min(256, count - first) }, (_, index) => write(first + index)));
  const head = await store.head();
  await store.close();
  return head;
}

function scanAndParse(directory: string): number {
  const database = new Database(eventsFileIn(directory), { readonly: true });
  let events = 0;
  const log = database.prepare('SELECT data, metadata FROM events ORDER BY position').raw();
  for (const [data, metadata] of log.iterate() as Iterable<[string, string]>) {
    JSON.parse(data);
    JSON.parse(metadata);
    events++;
  }
  database.close();
  return events;
}

/** The log through the event store's port, to nobody. */
async function subscribeOnly(directory: string): Promise<void> {
  const store = openSqliteEventStore({ path: eventsFileIn(directory), readOnly: true });
  for await (const { caughtUp } of store.subscribe({ after: 0, signal: new AbortController().signal }))
    if (caughtUp) break;
  await store.close();
}

/** As a server does it that was away: its usual transactions, in a file of its own. */
async function catchUp(directory: string): Promise<void> {
  const path = join(directory, 'catch-up.sqlite');
  const store = openSqliteEventStore({ path: eventsFileIn(directory), readOnly: true });
  const views = openViewsFile({ path, projections: relationshipViews, anew: true });
  const running = projector({
    store,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views,
    projections: relationshipViews,
    ledgerId: 'bench',
    head: await store.head(),
    onTrouble: (error) => {
      throw error;
    },
  });
  await running.catchUp(new AbortController().signal);
  views.close();
  await store.close();
}

const directory = mkdtempSync(join(values.dir, 'bench-projections-'));
try {
  const events = await fill(directory);
  interface Row {
    readonly name: string;
    readonly target?: number;
    readonly run: () => unknown;
    readonly rates: number[];
  }
  const rows: readonly Row[] = [
    { name: 'scan and JSON.parse only', run: () => scanAndParse(directory), rates: [] },
    { name: 'through the store, to nobody', run: () => subscribeOnly(directory), rates: [] },
    {
      name: 'rebuild of the customer list',
      target: 0.45,
      run: () => rebuild(directory, ['customer-list'], () => {}),
      rates: [],
    },
    { name: 'rebuild of all views', run: () => rebuild(directory, [], () => {}), rates: [] },
    { name: 'catch-up of all views', run: () => catchUp(directory), rates: [] },
  ];
  for (let round = 0; round < rounds; round++)
    for (const { run, rates } of rows) {
      const startedAt = performance.now();
      await run();
      rates.push((1000 * events) / (performance.now() - startedAt));
    }
  const limit = median(rows[0]!.rates);
  const results = rows.map(({ name, target, rates }) => ({
    bench: 'projections',
    name,
    rates,
    ratio: median(rates) / limit,
    ...(target === undefined ? {} : { target }),
  }));
  report(results);
  console.log(`Views of ${figure(events)} events, median of ${rounds} rounds; load ${loadavg()[0]!.toFixed(1)}\n`);
  console.log(
    table(
      ['views', 'events/s', 'min - max', 'ratio', 'target'],
      results.map(({ name, rates, ratio, target }) => [
        name,
        figure(median(rates)),
        `${figure(Math.min(...rates))} - ${figure(Math.max(...rates))}`,
        ratio.toFixed(2),
        target?.toFixed(2) ?? '',
      ]),
    ),
  );
} finally {
  rmSync(directory, { recursive: true });
}
