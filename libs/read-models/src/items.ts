import { sql, type Expression, type SqlBool } from 'kysely';
import type { Key, Projection } from '#event-sourcing';
import {
  nextOfReservation,
  nextOfSavingsPlan,
  nextOfSoftware,
  nextOfSubscription,
  type NextBoundary,
} from '#customer-relationship/statuses';
import type * as domain from '#customer-relationship';
import type { BlockingFacts, Buyer, Instant, RelationshipEvents } from '#customer-relationship';
import { allOf, described, flag, id, listOf, object, orNull, text, time, whole, word, type RowOf } from './columns.js';
import {
  boundaryBefore,
  dueAtShown,
  dueColumns,
  dueIn,
  dueOf,
  overdueSince,
  partsOf,
  passing,
  shownDueAt,
  shownOverdueSince,
  withDue,
  type Due,
  type Noted,
  type Parted,
} from './due-columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { list, never, type Asked, type Circumstances } from './list.js';
import { foldedName } from './names.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { matches, patternOf, startsWith } from './query.js';
import { relationshipTermSteps, relationshipTermTable, type RelationshipTermRow } from './relationship-terms.js';
import { blankRow, table, without } from './tables.js';
import { view } from './view.js';

const version = 2;
const items = `items_v${version}` as const;
const terms = `item_terms_v${version}` as const;
export { items as itemTable, terms as itemTermTable };

export const itemTypes = ['subscription', 'reservation', 'softwarePurchase', 'savingsPlan'] as const;
export type ItemType = (typeof itemTypes)[number];
export type ItemStatus =
  domain.SubscriptionStatus | domain.ReservationStatus | domain.SoftwareStatus | domain.SavingsPlanStatus;

const statuses = allOf<ItemStatus>()([
  'pending',
  'provisioningFailed',
  'provisioningCancelled',
  'active',
  'suspended',
  'expired',
  'disabled',
  'deleted',
  'cancellationRequested',
  'cancelled',
  'completed',
]);
const kinds = allOf<domain.SubscriptionKind | domain.SoftwareKind>()([
  'legacy',
  'newCommerce',
  'azurePlan',
  'marketplace',
  'perpetual',
  'subscription',
]);
const termDurations = allOf<domain.TermDuration>()(['P1M', 'P1Y', 'P3Y']);

/** An amount in minor units of its currency. */
const money = object({
  minorUnits: whole(),
  currency: { stored: 'text', schema: { type: 'string', pattern: '^[A-Z]{3}$' } },
});

/** Anything that a customer has through the partner. A field that a type of item does not have is null. */
const columns = {
  ...pairColumns,
  item: word(itemTypes),
  itemId: id(),
  /** The term of the relationship in which it was bought. */
  relationshipTerm: whole(),
  name: text(),
  sortName: text(),
  status: word(statuses),
  /** When it got that status. */
  statusSince: time(),
  /** Of a subscription or of software. */
  kind: orNull(word(kinds)),
  offerId: orNull(text()),
  /** Of a reservation. */
  product: orNull(text<domain.ReservationProduct>()),
  publisher: orNull(text<domain.SoftwarePublisher>()),
  quantity: orNull(whole()),
  trial: orNull(flag()),
  autoRenew: orNull(flag()),
  boughtBy: word(allOf<Buyer>()(['partner', 'customer'])),
  purchasedAt: time(),
  termDuration: orNull(word(termDurations)),
  /** The end of the cancellation window (inclusive). */
  cancellationAllowedUntil: orNull(time()),
  /** The end of the term, or when it expires (inclusive); null where there is none. */
  endsAt: orNull(time()),
  /** The same for sorting; a time in the far future where there is none. */
  endOrder: time(),
  /** The end of the retention period that runs now. */
  retainedUntil: orNull(time()),
  /** The same for sorting; a time in the far future where there is none. */
  retentionOrder: time(),
  /** Disabled at the end of a term, while it was suspended: it is disabled once more (rule S15). */
  furtherDisabledPeriod: orNull(flag()),
  ...dueColumns(statuses),
  /** The status that follows from its boundary, once the projector has noted that it has passed; empty before. */
  passedInto: text(),
  suspensionReason: orNull(text<domain.SuspensionReason>()),
  /** A marketplace subscription past its window, cancelled at the end of its term (rule S20). */
  cancellationTakesEffectAt: orNull(time()),
  billingCycle: orNull(text<domain.BillingCycle>()),
  scheduledChange: orNull(
    object({ quantity: whole(), termDuration: word(termDurations), offerId: text() }, [
      'quantity',
      'termDuration',
      'offerId',
    ]),
  ),
  scheduledBillingCycle: orNull(text<domain.BillingCycle>()),
  price: orNull(money),
  /** Of a savings plan. */
  hourlyCommitment: orNull(money),
  /** Of a reservation: what the refund cap counts (rule V3). */
  commitmentUsdCents: orNull(whole()),
  reservationOrderId: orNull(id()),
  refund: orNull(money),
  fee: orNull(money),
  /** The base of an add-on. */
  baseSubscriptionId: orNull(id()),
  /** Under an Azure plan. */
  azureSubscriptions: orNull(
    listOf(object({ azureSubscriptionId: id(), name: text(), status: word(['active', 'cancelled']) })),
  ),
  lineItems: orNull(
    listOf(object({ lineItemId: id(), name: text(), quantity: whole(), price: money, cancelled: flag() }, ['price'])),
  ),
};
export type ItemRow = RowOf<typeof columns>;

export interface ItemTables {
  readonly [items]: ItemRow;
  readonly [terms]: RelationshipTermRow;
}

/** The change of the row that the event names, if there is one. Each view has its own, so that V8 sees rows of one shape. */
function change<Data>(patch: (data: Data, row: ItemRow) => Partial<ItemRow>) {
  return ({ [items]: row }: { readonly [items]?: ItemRow | undefined }, data: Data) =>
    row && { [items]: dated({ ...row, ...patch(data, row) }) };
}

/** A row that has just been made, with what time alone brings about next. */
function dated(row: Omit<ItemRow, keyof (Due & Noted)>): ItemRow {
  return withDue<ItemStatus, ItemRow>(row, nextOf(row));
}

/** The projection writes each type of item with the statuses, the kind and the dates that it has. */
function nextOf(row: Omit<ItemRow, keyof (Due & Noted)>): NextBoundary<ItemStatus> | undefined {
  const { item, status, endsAt: expiresAt } = row;
  switch (item) {
    case 'subscription':
      return nextOfSubscription(
        row as typeof row & { status: domain.SubscriptionStatus; kind: domain.SubscriptionKind },
      );
    case 'reservation':
      return nextOfReservation({ status: status as domain.ReservationStatus, expiresAt });
    case 'softwarePurchase':
      return nextOfSoftware({ status: status as domain.SoftwareStatus, autoRenew: row.autoRenew, expiresAt });
    case 'savingsPlan':
      return nextOfSavingsPlan({ status: status as domain.SavingsPlanStatus, expiresAt });
  }
}

function retained(until: Instant | undefined) {
  return { retainedUntil: until ?? null, retentionOrder: until ?? never };
}

function becomes<Field extends string>(status: ItemStatus, since: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({ status, statusSince: data[since] }));
}

function deletedBy<Field extends string>(since: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({
    status: 'deleted' as const,
    statusSince: data[since],
    ...retained(undefined),
  }));
}

/** Subscriptions, reservations, software purchases and savings plans, of every term and in every status. */
export const itemsProjection: Projection<RelationshipEvents, ItemTables, Pair> = {
  name: 'items',
  version,
  tables: {
    [items]: table(columns, {
      key: ['partnerId', 'customerId', 'item', 'itemId'],
      indexes: [
        ['partnerId', 'passedInto', 'sortName', 'customerId', 'item', 'itemId'],
        ['partnerId', 'customerId', 'sortName', 'item', 'itemId'],
        ['partnerId', 'passedInto', 'endOrder', 'customerId', 'item', 'itemId'],
        ['partnerId', 'passedInto', 'dueAt', 'customerId', 'item', 'itemId'],
        ['partnerId', 'passedInto', 'retentionOrder', 'customerId', 'item', 'itemId'],
      ],
      passing,
    }),
    [terms]: relationshipTermTable,
  },
  keys: ({ type, data }, pair) => {
    const key = itemKey(data, pair);
    if (!key) return { [terms]: keyOf(pair) };
    return type.endsWith('Purchased') ? { [items]: key, [terms]: keyOf(pair) } : { [items]: key };
  },
  on: {
    ...relationshipTermSteps(terms),
    SubscriptionPurchased: ({ [terms]: term }, data, pair) => {
      const { subscriptionId, kind, offerId, name, quantity, trial, autoRenew, boughtBy, purchasedAt } = data;
      return {
        [items]: dated({
          ...bought(pair, 'subscription', subscriptionId, { name, boughtBy, purchasedAt }, term),
          status: 'pending',
          kind,
          offerId,
          quantity,
          trial,
          autoRenew,
          termDuration: data.termDuration ?? null,
          cancellationAllowedUntil: data.cancellationAllowedUntil ?? null,
          ...ending(data.termEndsAt),
          billingCycle: data.billingCycle ?? null,
          price: data.price ?? null,
          baseSubscriptionId: data.baseSubscriptionId ?? null,
          azureSubscriptions: kind === 'azurePlan' ? [] : null,
        }),
      };
    },
    SubscriptionActivated: becomes('active', 'activatedAt'),
    SubscriptionProvisioningFailed: becomes('provisioningFailed', 'failedAt'),
    SubscriptionProvisioningCancelled: becomes('provisioningCancelled', 'cancelledAt'),
    SubscriptionSuspended: change(({ reason, suspendedAt, retainedUntil }) => ({
      status: 'suspended',
      statusSince: suspendedAt,
      suspensionReason: reason,
      ...retained(retainedUntil),
    })),
    SubscriptionReactivated: change(({ reactivatedAt }) => ({
      status: 'active',
      statusSince: reactivatedAt,
      suspensionReason: null,
      ...retained(undefined),
    })),
    AutoRenewEnabled: change(() => ({ autoRenew: true })),
    AutoRenewDisabled: change(() => ({ autoRenew: false })),
    SubscriptionQuantityChanged: change(({ quantity }) => ({ quantity })),
    SubscriptionChangeScheduled: change(({ change, billingCycle }) => ({
      ...(change === undefined ? {} : { scheduledChange: change }),
      ...(billingCycle === undefined ? {} : { scheduledBillingCycle: billingCycle }),
    })),
    // A billing instruction survives (rule S3).
    ScheduledChangesDiscarded: change(() => ({ scheduledChange: null })),
    CancellationScheduled: change(({ takesEffectAt }) => ({ cancellationTakesEffectAt: takesEffectAt })),
    SubscriptionCancelled: deletedBy('cancelledAt'),
    SubscriptionRenewed: change((data) => ({
      quantity: data.quantity,
      offerId: data.offerId,
      trial: false,
      termDuration: data.termDuration,
      ...ending(data.termEndsAt),
      cancellationAllowedUntil: data.cancellationAllowedUntil ?? null,
      ...(data.billingCycle === undefined ? {} : { billingCycle: data.billingCycle }),
      scheduledChange: null,
      scheduledBillingCycle: null,
    })),
    SubscriptionExpired: change(({ expiredAt, retainedUntil }) => ({
      status: 'expired',
      statusSince: expiredAt,
      ...retained(retainedUntil),
    })),
    SubscriptionDisabled: change(({ disabledAt, retainedUntil, furtherPeriod }) => ({
      status: 'disabled',
      statusSince: disabledAt,
      ...retained(retainedUntil),
      furtherDisabledPeriod: furtherPeriod,
    })),
    SubscriptionDeleted: deletedBy('deletedAt'),
    AzureSubscriptionAdded: change(({ azureSubscriptionId, name }, { azureSubscriptions }) => ({
      azureSubscriptions: [...(azureSubscriptions ?? []), { azureSubscriptionId, name, status: 'active' }],
    })),
    AzureSubscriptionCancelled: change(({ azureSubscriptionId }, { azureSubscriptions }) => ({
      azureSubscriptions: (azureSubscriptions ?? []).map((subscription) =>
        subscription.azureSubscriptionId === azureSubscriptionId
          ? { ...subscription, status: 'cancelled' as const }
          : subscription,
      ),
    })),

    ReservationPurchased: ({ [terms]: term }, data, pair) => ({
      [items]: dated({
        ...bought(pair, 'reservation', data.reservationId, data, term),
        status: 'active',
        product: data.product,
        quantity: data.quantity,
        termDuration: data.termDuration,
        ...ending(data.expiresAt),
        price: data.price ?? null,
        commitmentUsdCents: data.commitmentUsdCents,
        reservationOrderId: data.reservationOrderId ?? null,
      }),
    }),
    ReservationCancellationRequested: becomes('cancellationRequested', 'requestedAt'),
    ReservationCancelled: change(({ cancelledAt, refund, fee }) => ({
      status: 'cancelled',
      statusSince: cancelledAt,
      refund: refund ?? null,
      fee: fee ?? null,
    })),
    ReservationCancellationRefused: becomes('active', 'refusedAt'),
    ReservationExpired: becomes('expired', 'expiredAt'),

    SoftwarePurchased: ({ [terms]: term }, data, pair) => ({
      [items]: dated({
        ...bought(pair, 'softwarePurchase', data.purchaseId, data, term),
        status: 'completed',
        kind: data.kind,
        publisher: data.publisher,
        autoRenew: data.autoRenew,
        termDuration: data.termDuration ?? null,
        cancellationAllowedUntil: data.cancellationAllowedUntil,
        ...ending(data.expiresAt),
        lineItems: data.lineItems.filter(hasId).map((line) => ({ ...line, cancelled: false })),
      }),
    }),
    SoftwareLineItemCancelled: change(({ lineItemId }, { lineItems }) => ({
      lineItems: (lineItems ?? []).map((line) =>
        line.lineItemId === lineItemId ? { ...line, cancelled: true } : line,
      ),
    })),
    SoftwarePurchaseCancelled: becomes('cancelled', 'cancelledAt'),
    SoftwareAutoRenewEnabled: change(() => ({ autoRenew: true })),
    SoftwareAutoRenewDisabled: change(() => ({ autoRenew: false })),
    SoftwareRenewed: change(({ expiresAt, cancellationAllowedUntil }) => ({
      ...ending(expiresAt),
      cancellationAllowedUntil,
    })),
    SoftwareExpired: becomes('expired', 'expiredAt'),

    SavingsPlanPurchased: ({ [terms]: term }, data, pair) => ({
      [items]: dated({
        ...bought(pair, 'savingsPlan', data.savingsPlanId, data, term),
        status: 'active',
        termDuration: data.termDuration,
        hourlyCommitment: data.hourlyCommitment,
        ...ending(data.expiresAt),
      }),
    }),
    SavingsPlanExpired: becomes('expired', 'expiredAt'),
  },
};

/** The events of each type of item name it by a field of their own. */
function itemKey(data: object, pair: Pair): Key | undefined {
  const { subscriptionId, reservationId, purchaseId, savingsPlanId } = data as Partial<
    Record<'subscriptionId' | 'reservationId' | 'purchaseId' | 'savingsPlanId', string>
  >;
  const { partnerId, customerId } = pair;
  if (subscriptionId !== undefined) return [partnerId, customerId, 'subscription', subscriptionId];
  if (reservationId !== undefined) return [partnerId, customerId, 'reservation', reservationId];
  if (purchaseId !== undefined) return [partnerId, customerId, 'softwarePurchase', purchaseId];
  return savingsPlanId === undefined ? undefined : [partnerId, customerId, 'savingsPlan', savingsPlanId];
}

function ending(endsAt: Instant | undefined) {
  return { endsAt: endsAt ?? null, endOrder: endsAt ?? never };
}

const blank = blankRow(columns);

function bought(
  { partnerId, customerId }: Pair,
  item: ItemType,
  itemId: string,
  { name, boughtBy, purchasedAt }: { readonly name: string; readonly boughtBy: Buyer; readonly purchasedAt: Instant },
  term: RelationshipTermRow | undefined,
): Omit<ItemRow, 'status' | keyof (Due & Noted)> {
  return {
    ...blank,
    partnerId,
    customerId,
    item,
    itemId,
    relationshipTerm: term?.relationshipTerm ?? 0,
    name,
    sortName: foldedName(name),
    statusSince: purchasedAt,
    boughtBy,
    purchasedAt,
    endOrder: never,
    retentionOrder: never,
  };
}

export const blockerKinds = allOf<domain.BlockerKind>()([
  'reservation',
  'reservationCancellationPending',
  'savingsPlan',
  'softwarePurchase',
  'pending',
  'activeSubscription',
  'suspendedNewCommerce',
]);

/**
 * An item as of the time of the request, and whether it belongs to the term that runs now: only then it takes
 * commands and may block a removal. Past its next boundary it has the status that follows, even before that has been
 * recorded. Where the boundary begins a term or a retention period, only the event says what that is: such an item is marked.
 */
const shown = {
  ...without(columns, 'sortName', 'endOrder', 'retentionOrder', 'furtherDisabledPeriod', 'passedInto'),
  dueAt: shownDueAt,
  overdueSince: shownOverdueSince,
  current: described(flag(), 'It belongs to the term that runs now.'),
  blocks: described(
    orNull(word(blockerKinds)),
    'As what it blocks the removal of the relationship now, under the policy in force.',
  ),
};
export type Item = RowOf<typeof shown>;

/** The facts that decide whether an item blocks; undefined for one that is not of the current term. */
export function blockingFacts(
  item: Pick<Item, 'current' | 'item' | 'kind' | 'status' | 'cancellationAllowedUntil'>,
): BlockingFacts | undefined {
  if (!item.current) return undefined;
  // The projection writes each type of item with the statuses, the kind and the dates that it has.
  switch (item.item) {
    case 'subscription':
      return {
        item: 'subscription',
        kind: item.kind as domain.SubscriptionKind,
        status: item.status as domain.SubscriptionStatus,
      };
    case 'reservation':
      return { item: 'reservation', status: item.status as domain.ReservationStatus };
    case 'softwarePurchase':
      return {
        item: 'softwarePurchase',
        status: item.status as domain.SoftwareStatus,
        cancellationAllowedUntil: item.cancellationAllowedUntil!,
      };
    case 'savingsPlan':
      return { item: 'savingsPlan', status: item.status as domain.SavingsPlanStatus };
  }
}

export const itemParts: Parted = {
  table: items,
  alias: 'i',
  into: ['active', 'completed', 'expired', 'disabled', 'deleted'] satisfies ItemStatus[],
};

export const itemList = list<ItemTables>()({
  row: { name: 'Item', fields: shown },
  partnerWide: {
    path: 'items',
    operation: 'listItems',
    summary: 'List the items of all customers',
    answer: 'What the partner’s customers have.',
  },
  ofCustomer: {
    path: 'items',
    operation: 'listItemsOfCustomer',
    summary: 'List the items of a customer',
    answer: 'What the customer has.',
  },
  // A reservation past its end has expired and no longer blocks, at any position of the view.
  dependsOnClock: true,
  dependsOnPolicy: true,
  filters: {
    item: by.oneOf(itemTypes, 'Only items of this type.'),
    status: by.oneOf(statuses, 'Only those in this state.'),
    kind: by.oneOf(kinds, 'Only those of this kind.'),
    current: by.flag('Only those that belong to the term that runs now, or only those that do not.'),
    nameStartsWith: by.text(200, 'Only names that start so, in any case.', foldedName),
    nameContains: by.text(200, 'Only names that contain this, in any case.', (part) => patternOf(foldedName(part))),
    blocks: by.oneOf(
      ['any', 'none', ...blockerKinds] as const,
      'Only those that block a removal as this kind of blocker, or as any, or not at all.',
    ),
    overdue: by.flag('Only those that are marked as overdue, or only those that are not.'),
    endsFrom: by.time('Only what ends then or later.'),
    endsUntil: by.time('Only what ends by then.'),
    dueFrom: by.time('Only what falls due then or later.', boundaryBefore),
    dueUntil: by.time('Only what falls due by then.', boundaryBefore),
    retainedFrom: by.time('Only what is retained until then or later.'),
    retainedUntil: by.time('Only what is retained until then at the latest.'),
    customerId: by.customer(),
  },
  sorts: {
    name: ['sortName', 'customerId', 'item', 'itemId'],
    /** Items that end first come first; open-ended ones come last. */
    endsAt: ['endOrder', 'customerId', 'item', 'itemId'],
    /** In the order of the boundaries that have been recorded; what time does not change comes last. */
    dueAt: ['dueAt', 'customerId', 'item', 'itemId'],
    /** In the order of the ends that have been recorded; what is not retained comes last. */
    retainedUntil: ['retentionOrder', 'customerId', 'item', 'itemId'],
  },
  sortedTable: 'i',
  query(tables, { partnerId, now, removal, filter }) {
    const { item, status, kind, current, nameStartsWith, nameContains, blocks, overdue, customerId } = filter;
    const { endsFrom, endsUntil, dueFrom, dueUntil, retainedFrom, retainedUntil } = filter;
    const due = dueIn('i', now);
    /** What follows from its boundary is known without an event: a final status. */
    const settled = sql<SqlBool>`(${due.passed} and iif(i.item = 'subscription', i.statusThen = 'deleted', i.statusThen = 'expired'))`;
    let query = tables
      .selectFrom(`${items} as i`)
      .leftJoin(`${terms} as t`, (join) =>
        join.onRef('t.partnerId', '=', 'i.partnerId').onRef('t.customerId', '=', 'i.customerId'),
      )
      .selectAll('i')
      .select('t.currentTerm');
    if (item) query = query.where('i.item', '=', item);
    if (kind) query = query.where('i.kind', '=', kind);
    if (current === true) query = query.whereRef('t.currentTerm', '=', 'i.relationshipTerm');
    if (current === false)
      query = query.where((eb) =>
        eb.or([eb('t.currentTerm', 'is', null), eb('t.currentTerm', '<>', eb.ref('i.relationshipTerm'))]),
      );
    if (nameStartsWith) query = query.where(startsWith('i.sortName', nameStartsWith));
    if (nameContains) query = query.where(matches('i.sortName', nameContains));
    if (blocks) {
      const { isCurrent, kinds, any } = blockingIn(now, removal);
      if (blocks === 'any') query = query.where(any);
      else if (blocks === 'none') query = query.where(sql<SqlBool>`not ${any}`);
      else query = query.where(isCurrent).where(kinds[blocks]);
    }
    if (overdue !== undefined) query = query.where(sql<SqlBool>`(${due.passed} and not ${settled}) = ${overdue}`);
    if (endsFrom) query = query.where('i.endsAt', '>=', endsFrom);
    if (endsUntil) query = query.where('i.endOrder', '<=', endsUntil);
    if (dueFrom) query = query.where('i.dueAt', '>=', dueFrom).where('i.dueAt', '<>', never);
    if (dueUntil) query = query.where('i.dueAt', '<=', dueUntil);
    if (dueFrom ?? dueUntil) query = query.where(sql<SqlBool>`not ${settled}`);
    if (retainedFrom) query = query.where('i.retainedUntil', '>=', retainedFrom);
    if (retainedUntil) query = query.where('i.retentionOrder', '<=', retainedUntil);
    // Past the end of its retention, an item is retained no more, or until when only an event says.
    if (retainedFrom ?? retainedUntil) query = query.where(sql<SqlBool>`not ${due.passed}`);
    if (customerId) {
      // A customer's items are few.
      const own = query.where('i.partnerId', '=', partnerId).where('i.customerId', '=', customerId);
      return status ? own.where(sql<SqlBool>`${due.statusAt} = ${status}`) : own;
    }
    return partsOf(itemParts, partnerId, now)(status && [status]).map((part) => query.where(part));
  },
  show: (rows, at) => rows.map((row) => itemOf(row, at)),
});

/** What the domain's `blocksAs` says, as conditions of a query with an item `i` and the terms `t` of its relationship. */
export function blockingIn(
  now: Expression<Instant>,
  { suspendedNewCommerceBlocks, savingsPlansBlock, softwarePastWindowBlocks }: Asked['removal'],
) {
  const { statusAt } = dueIn('i', now);
  const is = (item: ItemType, status: ItemStatus) => sql<SqlBool>`(i.item = ${item} and ${statusAt} = ${status})`;
  const kinds: Readonly<Record<domain.BlockerKind, Expression<SqlBool>>> = {
    reservation: is('reservation', 'active'),
    reservationCancellationPending: is('reservation', 'cancellationRequested'),
    savingsPlan: sql`(${savingsPlansBlock} and ${is('savingsPlan', 'active')})`,
    softwarePurchase: sql`(${is('softwarePurchase', 'completed')}
      and (${softwarePastWindowBlocks} or i.cancellationAllowedUntil >= ${now}))`,
    pending: is('subscription', 'pending'),
    activeSubscription: is('subscription', 'active'),
    suspendedNewCommerce: sql`(${suspendedNewCommerceBlocks} and i.kind = 'newCommerce'
      and ${is('subscription', 'suspended')})`,
  };
  // Only items of the term that runs block; there is none where the relationship has ended.
  const isCurrent = sql<SqlBool>`t.currentTerm is i.relationshipTerm`;
  const any = sql<SqlBool>`(${isCurrent} and (${sql.join(Object.values(kinds), sql` or `)}))`;
  return { isCurrent, kinds, any };
}

/** A row of an item as of a time. */
function itemRowAt<Row extends ItemRow>(row: Row, now: Instant): Row {
  const { item, status, statusThen, dueAt } = row;
  if (dueAt >= now || statusThen === null) return row;
  const over = { ...row, ...retained(undefined) };
  // A new term, or another period in the same status, which only its event tells.
  if (statusThen === status) return over;
  const then = { ...over, status: statusThen, statusSince: dueAt };
  const isFinal = statusThen === (item === 'subscription' ? 'deleted' : 'expired');
  return isFinal ? { ...then, ...dueOf<ItemStatus>(undefined) } : then;
}

function itemOf(row: ItemRow & { readonly currentTerm: number | null }, { now, blockerOf }: Circumstances): Item {
  const {
    sortName: _,
    endOrder: __,
    retentionOrder: ___,
    furtherDisabledPeriod: ____,
    passedInto: _____,
    currentTerm,
    ...then
  } = itemRowAt(row, now);
  const item = Object.assign(then, {
    dueAt: dueAtShown(then.dueAt),
    overdueSince: overdueSince(then, now),
    current: then.relationshipTerm === currentTerm,
  });
  const facts = blockingFacts(item);
  return Object.assign(item, { blocks: (facts && blockerOf(facts)) ?? null });
}

/** An earlier release accepted lists in place of line items: such a line has no id, so no command can name it. */
function hasId({ lineItemId }: { readonly lineItemId?: string }): boolean {
  return lineItemId !== undefined;
}

export const itemsView = view({
  projection: itemsProjection,
  lists: [itemList],
  explains: [
    explained<ItemTables>()({
      table: items,
      key: ['item', 'itemId'],
      words: { item: itemTypes },
      kind: 'item',
      // The term that runs says whether an item is current.
      with: [terms],
      at: itemRowAt,
      operation: 'explainItem',
      summary: 'Explain an item',
    }),
  ],
});
