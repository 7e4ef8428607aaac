import type { ExpressionBuilder, Kysely } from 'kysely';
import type { Projection } from '#event-sourcing';
import { reservationAt, savingsPlanAt, softwareAt, type StatusAt } from '#customer-relationship/statuses';
import type {
  BillingCycle,
  BlockingFacts,
  Buyer,
  Instant,
  Money,
  RelationshipEvents,
  ReservationProduct,
  ReservationStatus,
  SavingsPlanStatus,
  ScheduledChange,
  SoftwareKind,
  SoftwareLineItem,
  SoftwarePublisher,
  SoftwareStatus,
  SubscriptionKind,
  SubscriptionStatus,
  SuspensionReason,
  TermDuration,
} from '#customer-relationship';
import { contains, keysetPage, never, startsWith, type Page, type PageRequest } from './keyset.js';
import { foldedName } from './names.js';
import { tenant, type Pair } from './pair.js';
import {
  relationshipTermSteps,
  relationshipTermTable,
  termKey,
  type RelationshipTermRow,
} from './relationship-terms.js';
import type { Views } from './views.js';

const version = 1;
const items = `items_v${version}` as const;
const terms = `item_terms_v${version}` as const;

export const itemTypes = ['subscription', 'reservation', 'softwarePurchase', 'savingsPlan'] as const;
export type ItemType = (typeof itemTypes)[number];
export type ItemStatus = SubscriptionStatus | ReservationStatus | SoftwareStatus | SavingsPlanStatus;

export interface AzureSubscription {
  readonly azureSubscriptionId: string;
  readonly name: string;
  readonly status: 'active' | 'cancelled';
}

export interface LineItem extends SoftwareLineItem {
  readonly cancelled: boolean;
}

/** Anything a customer has through the partner. What a type of item does not have is null. */
export interface ItemRow extends Pair {
  readonly item: ItemType;
  readonly itemId: string;
  /** The term of the relationship in which it was bought. */
  readonly relationshipTerm: number;
  readonly name: string;
  readonly sortName: string;
  readonly status: ItemStatus;
  /** Since when it has that status. */
  readonly statusSince: Instant;
  /** Of a subscription or of software. */
  readonly kind: SubscriptionKind | SoftwareKind | null;
  readonly offerId: string | null;
  /** Of a reservation. */
  readonly product: ReservationProduct | null;
  readonly publisher: SoftwarePublisher | null;
  readonly quantity: number | null;
  readonly trial: boolean | null;
  readonly autoRenew: boolean | null;
  readonly boughtBy: Buyer;
  readonly purchasedAt: Instant;
  readonly termDuration: TermDuration | null;
  /** The end of the cancellation window (inclusive). */
  readonly cancellationAllowedUntil: Instant | null;
  /** The end of the term, or when it expires (inclusive); null where there is none. */
  readonly endsAt: Instant | null;
  /** The same for sorting: what has no end ends last. */
  readonly endOrder: Instant;
  /** The end of the retention period that runs now. */
  readonly retainedUntil: Instant | null;
  readonly suspensionReason: SuspensionReason | null;
  /** A marketplace subscription past its window, cancelled at the end of its term (rule S20). */
  readonly cancellationTakesEffectAt: Instant | null;
  readonly billingCycle: BillingCycle | null;
  readonly scheduledChange: ScheduledChange | null;
  readonly scheduledBillingCycle: BillingCycle | null;
  readonly price: Money | null;
  /** Of a savings plan. */
  readonly hourlyCommitment: Money | null;
  /** Of a reservation: what the refund cap counts (rule V3). */
  readonly commitmentUsdCents: number | null;
  readonly reservationOrderId: string | null;
  readonly refund: Money | null;
  readonly fee: Money | null;
  /** The base of an add-on. */
  readonly baseSubscriptionId: string | null;
  /** Under an Azure plan. */
  readonly azureSubscriptions: readonly AzureSubscription[] | null;
  readonly lineItems: readonly LineItem[] | null;
}

export interface ItemTables {
  readonly [items]: ItemRow;
  readonly [terms]: RelationshipTermRow;
}

type ItemRows = { readonly [items]?: ItemRow | undefined };

/** The change of the item that the event names, if there is one. */
function change<Data>(patch: (data: Data, row: ItemRow) => Partial<ItemRow>) {
  return ({ [items]: row }: ItemRows, data: Data) => row && { [items]: { ...row, ...patch(data, row) } };
}

function becomes<Field extends string>(status: ItemStatus, since: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({ status, statusSince: data[since] }));
}

function deletedBy<Field extends string>(since: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({
    status: 'deleted' as const,
    statusSince: data[since],
    retainedUntil: null,
  }));
}

/** Subscriptions, reservations, software purchases and savings plans, of every term and in every status. */
export const itemsView: Projection<RelationshipEvents, ItemTables, Pair> = {
  name: 'items',
  version,
  tables: {
    [items]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        item: 'text',
        itemId: 'text',
        relationshipTerm: 'integer',
        name: 'text',
        sortName: 'text',
        status: 'text',
        statusSince: 'text',
        kind: 'text?',
        offerId: 'text?',
        product: 'text?',
        publisher: 'text?',
        quantity: 'integer?',
        trial: 'boolean?',
        autoRenew: 'boolean?',
        boughtBy: 'text',
        purchasedAt: 'text',
        termDuration: 'text?',
        cancellationAllowedUntil: 'text?',
        endsAt: 'text?',
        endOrder: 'text',
        retainedUntil: 'text?',
        suspensionReason: 'text?',
        cancellationTakesEffectAt: 'text?',
        billingCycle: 'text?',
        scheduledChange: 'json?',
        scheduledBillingCycle: 'text?',
        price: 'json?',
        hourlyCommitment: 'json?',
        commitmentUsdCents: 'integer?',
        reservationOrderId: 'text?',
        refund: 'json?',
        fee: 'json?',
        baseSubscriptionId: 'text?',
        azureSubscriptions: 'json?',
        lineItems: 'json?',
      },
      key: ['partnerId', 'customerId', 'item', 'itemId'],
      indexes: [
        ['partnerId', 'sortName', 'customerId', 'item', 'itemId'],
        ['partnerId', 'customerId', 'sortName', 'item', 'itemId'],
        ['partnerId', 'endOrder', 'customerId', 'item', 'itemId'],
      ],
    },
    [terms]: relationshipTermTable,
  },
  keys: ({ type, data }, pair) => {
    const key = itemKey(data, pair);
    if (!key) return { [terms]: termKey(pair) };
    return type.endsWith('Purchased') ? { [items]: key, [terms]: termKey(pair) } : { [items]: key };
  },
  on: {
    ...relationshipTermSteps(terms),
    SubscriptionPurchased: ({ [terms]: term }, data, pair) => {
      const { subscriptionId, kind, offerId, name, quantity, trial, autoRenew, boughtBy, purchasedAt } = data;
      return {
        [items]: {
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
        },
      };
    },
    SubscriptionActivated: becomes('active', 'activatedAt'),
    SubscriptionSuspended: change(({ reason, suspendedAt, retainedUntil }) => ({
      status: 'suspended',
      statusSince: suspendedAt,
      suspensionReason: reason,
      retainedUntil: retainedUntil ?? null,
    })),
    SubscriptionReactivated: change(({ reactivatedAt }) => ({
      status: 'active',
      statusSince: reactivatedAt,
      suspensionReason: null,
      retainedUntil: null,
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
      retainedUntil,
    })),
    SubscriptionDisabled: change(({ disabledAt, retainedUntil }) => ({
      status: 'disabled',
      statusSince: disabledAt,
      retainedUntil,
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
      [items]: {
        ...bought(pair, 'reservation', data.reservationId, data, term),
        status: 'active',
        product: data.product,
        quantity: data.quantity,
        termDuration: data.termDuration,
        ...ending(data.expiresAt),
        price: data.price ?? null,
        commitmentUsdCents: data.commitmentUsdCents,
        reservationOrderId: data.reservationOrderId ?? null,
      },
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
      [items]: {
        ...bought(pair, 'softwarePurchase', data.purchaseId, data, term),
        status: 'completed',
        kind: data.kind,
        publisher: data.publisher,
        termDuration: data.termDuration ?? null,
        cancellationAllowedUntil: data.cancellationAllowedUntil,
        ...ending(data.expiresAt),
        lineItems: data.lineItems.filter(hasId).map((line) => ({ ...line, cancelled: false })),
      },
    }),
    SoftwareLineItemCancelled: change(({ lineItemId }, { lineItems }) => ({
      lineItems: (lineItems ?? []).map((line) =>
        line.lineItemId === lineItemId ? { ...line, cancelled: true } : line,
      ),
    })),
    SoftwarePurchaseCancelled: becomes('cancelled', 'cancelledAt'),
    SoftwareExpired: becomes('expired', 'expiredAt'),

    SavingsPlanPurchased: ({ [terms]: term }, data, pair) => ({
      [items]: {
        ...bought(pair, 'savingsPlan', data.savingsPlanId, data, term),
        status: 'active',
        termDuration: data.termDuration,
        hourlyCommitment: data.hourlyCommitment,
        ...ending(data.expiresAt),
      },
    }),
    SavingsPlanExpired: becomes('expired', 'expiredAt'),
  },
};

/** The events of each type of item name it by a field of their own. */
function itemKey(data: object, pair: Pair): [string, string, ItemType, string] | undefined {
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

function bought(
  { partnerId, customerId }: Pair,
  item: ItemType,
  itemId: string,
  { name, boughtBy, purchasedAt }: { readonly name: string; readonly boughtBy: Buyer; readonly purchasedAt: Instant },
  term: RelationshipTermRow | undefined,
): Omit<ItemRow, 'status'> {
  return {
    partnerId,
    customerId,
    item,
    itemId,
    relationshipTerm: term?.relationshipTerm ?? 0,
    name,
    sortName: foldedName(name),
    statusSince: purchasedAt,
    kind: null,
    offerId: null,
    product: null,
    publisher: null,
    quantity: null,
    trial: null,
    autoRenew: null,
    boughtBy,
    purchasedAt,
    termDuration: null,
    cancellationAllowedUntil: null,
    endsAt: null,
    endOrder: never,
    retainedUntil: null,
    suspensionReason: null,
    cancellationTakesEffectAt: null,
    billingCycle: null,
    scheduledChange: null,
    scheduledBillingCycle: null,
    price: null,
    hourlyCommitment: null,
    commitmentUsdCents: null,
    reservationOrderId: null,
    refund: null,
    fee: null,
    baseSubscriptionId: null,
    azureSubscriptions: null,
    lineItems: null,
  };
}

/**
 * An item as it stands at the time of the question, and whether it belongs to the term that runs now: only then it takes
 * commands and may block a removal. A reservation, software or a savings plan past its end is `expired` since then,
 * whatever the clock's command has done so far; what time makes of a subscription takes an event.
 */
export interface Item extends Omit<ItemRow, 'sortName' | 'endOrder'> {
  readonly current: boolean;
}

/** What decides whether an item blocks; undefined for one that is not of the current term. */
export function blockingFacts(item: Item): BlockingFacts | undefined {
  if (!item.current) return undefined;
  // The projection writes each type of item with the statuses, the kind and the dates that it has.
  switch (item.item) {
    case 'subscription':
      return { item: 'subscription', kind: item.kind as SubscriptionKind, status: item.status as SubscriptionStatus };
    case 'reservation':
      return { item: 'reservation', status: item.status as ReservationStatus, endsAt: item.endsAt! };
    case 'softwarePurchase':
      return {
        item: 'softwarePurchase',
        status: item.status as SoftwareStatus,
        endsAt: item.endsAt ?? undefined,
        cancellationAllowedUntil: item.cancellationAllowedUntil!,
      };
    case 'savingsPlan':
      return { item: 'savingsPlan', status: item.status as SavingsPlanStatus, endsAt: item.endsAt! };
  }
}

export const itemSorts = ['name', 'endsAt'] as const;
export type ItemSort = (typeof itemSorts)[number];

export interface ItemListRequest extends PageRequest {
  readonly partnerId: string;
  /** Statuses are computed for this time. */
  readonly now: Instant;
  /** Default: name, without regard to case. `endsAt`: what ends first, open-ended items last. */
  readonly sort?: ItemSort;
  readonly filter?: {
    readonly customerId?: string;
    readonly item?: ItemType;
    readonly status?: ItemStatus;
    readonly kind?: SubscriptionKind | SoftwareKind;
    /** Only items of the term that runs now (true) or only the others (false). */
    readonly current?: boolean;
    readonly nameStartsWith?: string;
    readonly nameContains?: string;
    /** Items that end at this time or before. */
    readonly endsUntil?: Instant;
  };
}

/** A page of what the partner's customers have. */
export async function listItems(
  db: Kysely<Views>,
  { partnerId, now, sort = 'name', filter = {}, ...page }: ItemListRequest,
): Promise<Page<Item>> {
  let query = db
    .selectFrom(`${items} as i`)
    .leftJoin(`${terms} as t`, (join) =>
      join.onRef('t.partnerId', '=', 'i.partnerId').onRef('t.customerId', '=', 'i.customerId'),
    )
    .selectAll('i')
    .select('t.currentTerm')
    .where('i.partnerId', '=', tenant(partnerId));
  if (filter.customerId !== undefined) query = query.where('i.customerId', '=', tenant(filter.customerId));
  if (filter.item !== undefined) query = query.where('i.item', '=', filter.item);
  const { status } = filter;
  if (status !== undefined) query = query.where((eb) => hasStatus(eb, status, now));
  if (filter.kind !== undefined) query = query.where('i.kind', '=', filter.kind);
  if (filter.current === true) query = query.whereRef('t.currentTerm', '=', 'i.relationshipTerm');
  if (filter.current === false)
    query = query.where((eb) =>
      eb.or([eb('t.currentTerm', 'is', null), eb('t.currentTerm', '<>', eb.ref('i.relationshipTerm'))]),
    );
  if (filter.nameStartsWith !== undefined)
    query = query.where(startsWith('i.sortName', foldedName(filter.nameStartsWith)));
  if (filter.nameContains !== undefined) query = query.where(contains('i.sortName', foldedName(filter.nameContains)));
  if (filter.endsUntil !== undefined) query = query.where('i.endOrder', '<=', filter.endsUntil);
  const sortColumn = sort === 'name' ? 'sortName' : 'endOrder';
  const { rows, ...rest } = await keysetPage(query, [sortColumn, 'customerId', 'item', 'itemId'], page, { table: 'i' });
  return { rows: rows.map((row) => itemOf(row, now)), ...rest };
}

/** Recorded statuses that time ends, by the events' word for each. */
const endedByTime: readonly ItemStatus[] = ['active', 'cancellationRequested', 'completed'];

/** The same in the words of the database as {@link statusAt}; ends are inclusive. */
function hasStatus(
  eb: ExpressionBuilder<{ i: { item: string; status: string; endOrder: string } }, 'i'>,
  status: ItemStatus,
  now: Instant,
) {
  const recorded = eb('i.status', '=', status);
  // What has no end has one far away. A negation is no range: the index of the sort serves, not one of ends.
  const over = eb.and([
    eb('i.item', '<>', 'subscription'),
    eb('i.status', 'in', endedByTime),
    eb('i.endOrder', '<', now),
  ]);
  if (status === 'expired') return eb.or([recorded, over]);
  return endedByTime.includes(status) ? eb.and([recorded, eb.not(over)]) : recorded;
}

/** The one function of each type of item; what time makes of a subscription takes an event. */
function statusAt({ item, status, endsAt }: ItemRow, now: Instant): StatusAt<ItemStatus> {
  switch (item) {
    case 'reservation':
      return reservationAt({ status: status as ReservationStatus, expiresAt: endsAt }, now);
    case 'softwarePurchase':
      return softwareAt({ status: status as SoftwareStatus, expiresAt: endsAt }, now);
    case 'savingsPlan':
      return savingsPlanAt({ status: status as SavingsPlanStatus, expiresAt: endsAt }, now);
    case 'subscription':
      return { status };
  }
}

/** A row of an item as it stands at a time. */
export function itemRowAt<Row extends ItemRow>(row: Row, now: Instant): Row {
  const { status, endedAt } = statusAt(row, now);
  return endedAt === undefined ? row : { ...row, status, statusSince: endedAt };
}

function itemOf(row: ItemRow & { currentTerm: number | null }, now: Instant): Item {
  const { sortName: _, endOrder: __, currentTerm, ...item } = itemRowAt(row, now);
  return { ...item, current: item.relationshipTerm === currentTerm };
}

/** An earlier release took lists in the place of line items: nobody can name such a line. */
function hasId({ lineItemId }: { readonly lineItemId?: string }): boolean {
  return lineItemId !== undefined;
}
