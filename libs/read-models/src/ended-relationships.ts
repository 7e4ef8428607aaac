import type { Kysely } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { Instant, RelationshipEvents } from '#customer-relationship';
import { keysetPage, type Page, type PageRequest } from './keyset.js';
import { keyOf, tenant, type Pair } from './pair.js';
import type { Views } from './views.js';

const version = 1;
const relationships = `ended_relationships_v${version}` as const;
const charges = `running_charges_v${version}` as const;
const access = `residual_access_v${version}` as const;

/** A term of the relationship that a removal has ended. */
export interface EndedTerm {
  readonly relationshipTerm: number;
  readonly establishedAt: Instant;
  readonly removedAt: Instant;
  /** The policy that allowed the removal. */
  readonly policy: string;
  readonly noticeGiven: boolean | null;
}

/** Every relationship that was ever established; only those that have ended are listed. */
export interface EndedRelationshipRow extends Pair {
  readonly customerName: string;
  /** The latest term, and since when it ran. */
  readonly relationshipTerm: number;
  readonly establishedAt: Instant | null;
  /** It runs (again). */
  readonly active: boolean;
  /** Null for a relationship that has never ended. */
  readonly lastRemovedAt: Instant | null;
  readonly endedTerms: readonly EndedTerm[];
}

/** An item whose charge may outlive its term; a row of its own each, so that no row grows with the number of items. */
export interface ChargeRow extends Pair {
  readonly item: 'subscription' | 'savingsPlan';
  readonly itemId: string;
  readonly relationshipTerm: number;
  readonly name: string;
  /** Billed without the customer's having it: a suspended new-commerce subscription (rule S16), or a savings plan. */
  readonly charging: boolean;
  readonly until: Instant | null;
}

/** An Azure subscription under an Azure plan: role assignments on it outlive a removal (rule G12). */
export interface AccessRow extends Pair {
  readonly subscriptionId: string;
  readonly azureSubscriptionId: string;
  readonly relationshipTerm: number;
  readonly name: string;
  /** A cancelled one can be reactivated, with its role assignments. */
  readonly cancelled: boolean;
}

export interface EndedRelationshipTables {
  readonly [relationships]: EndedRelationshipRow;
  readonly [charges]: ChargeRow;
  readonly [access]: AccessRow;
}

/** Relationships that have ended at least once, with what their removal did not end. */
export const endedRelationshipsView: Projection<RelationshipEvents, EndedRelationshipTables, Pair> = {
  name: 'ended-relationships',
  version,
  tables: {
    [relationships]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        customerName: 'text',
        relationshipTerm: 'integer',
        establishedAt: 'text?',
        active: 'boolean',
        lastRemovedAt: 'text?',
        endedTerms: 'json',
      },
      key: ['partnerId', 'customerId'],
      indexes: [['partnerId', 'lastRemovedAt', 'customerId']],
    },
    [charges]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        item: 'text',
        itemId: 'text',
        relationshipTerm: 'integer',
        name: 'text',
        charging: 'boolean',
        until: 'text?',
      },
      key: ['partnerId', 'customerId', 'item', 'itemId'],
    },
    [access]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        subscriptionId: 'text',
        azureSubscriptionId: 'text',
        relationshipTerm: 'integer',
        name: 'text',
        cancelled: 'boolean',
      },
      key: ['partnerId', 'customerId', 'subscriptionId', 'azureSubscriptionId'],
    },
  },
  keys: ({ type, data }, pair) => {
    const relationship = { [relationships]: keyOf(pair) };
    if ('azureSubscriptionId' in data)
      return { ...relationship, [access]: [...keyOf(pair), data.subscriptionId, data.azureSubscriptionId] };
    const charge =
      'subscriptionId' in data
        ? { [charges]: [...keyOf(pair), 'subscription', data.subscriptionId] }
        : 'savingsPlanId' in data
          ? { [charges]: [...keyOf(pair), 'savingsPlan', data.savingsPlanId] }
          : {};
    const bought = type === 'SubscriptionPurchased' || type === 'SavingsPlanPurchased';
    return bought || !(charges in charge) ? { ...relationship, ...charge } : charge;
  },
  on: {
    ResellerRelationshipRequested: ({ [relationships]: row }, { customer }, { partnerId, customerId }) => ({
      [relationships]: row
        ? { ...row, customerName: customer.name }
        : {
            partnerId,
            customerId,
            customerName: customer.name,
            relationshipTerm: 0,
            establishedAt: null,
            active: false,
            lastRemovedAt: null,
            endedTerms: [],
          },
    }),
    ResellerRelationshipEstablished: ({ [relationships]: row }, { relationshipTerm, establishedAt }) =>
      row && { [relationships]: { ...row, relationshipTerm, establishedAt, active: true } },
    CustomerProfileUpdated: ({ [relationships]: row }, { name }) =>
      row && name !== undefined ? { [relationships]: { ...row, customerName: name } } : undefined,
    ResellerRelationshipRemoved: ({ [relationships]: row }, { relationshipTerm, removedAt, policy, noticeGiven }) =>
      row && {
        [relationships]: {
          ...row,
          active: false,
          lastRemovedAt: removedAt,
          endedTerms: [
            ...row.endedTerms,
            {
              relationshipTerm,
              establishedAt: row.establishedAt ?? removedAt,
              removedAt,
              policy,
              noticeGiven: noticeGiven ?? null,
            },
          ],
        },
      },

    SubscriptionPurchased: ({ [relationships]: row }, { subscriptionId, kind, name, termEndsAt }, pair) =>
      kind === 'newCommerce'
        ? {
            [charges]: {
              ...pair,
              item: 'subscription',
              itemId: subscriptionId,
              relationshipTerm: row?.relationshipTerm ?? 0,
              name,
              charging: false,
              until: termEndsAt ?? null,
            },
          }
        : undefined,
    SubscriptionSuspended: ({ [charges]: row }) => row && { [charges]: { ...row, charging: true } },
    SubscriptionReactivated: ({ [charges]: row }) => row && { [charges]: { ...row, charging: false } },
    SubscriptionRenewed: ({ [charges]: row }, { termEndsAt }) => row && { [charges]: { ...row, until: termEndsAt } },
    SubscriptionExpired: () => ended,
    SubscriptionDisabled: () => ended,
    SubscriptionCancelled: () => ended,
    SubscriptionDeleted: () => ended,
    SavingsPlanPurchased: ({ [relationships]: row }, { savingsPlanId, name, expiresAt }, pair) => ({
      [charges]: {
        ...pair,
        item: 'savingsPlan',
        itemId: savingsPlanId,
        relationshipTerm: row?.relationshipTerm ?? 0,
        name,
        charging: true,
        until: expiresAt,
      },
    }),
    SavingsPlanExpired: () => ended,

    AzureSubscriptionAdded: ({ [relationships]: row }, { subscriptionId, azureSubscriptionId, name }, pair) => ({
      [access]: {
        ...pair,
        subscriptionId,
        azureSubscriptionId,
        relationshipTerm: row?.relationshipTerm ?? 0,
        name,
        cancelled: false,
      },
    }),
    AzureSubscriptionCancelled: ({ [access]: row }) => row && { [access]: { ...row, cancelled: true } },
  },
};

const ended = { [charges]: null };

export interface RunningCharge {
  readonly item: 'subscription' | 'savingsPlan';
  readonly itemId: string;
  readonly name: string;
  readonly relationshipTerm: number;
  /** The end of the term, or the plan's expiry. A subscription is billed until the event that ends it, which may come late. */
  readonly until: Instant | null;
}

export interface ResidualAccess {
  readonly kind: 'azureRoleAssignments';
  /** The Azure plan. */
  readonly subscriptionId: string;
  readonly azureSubscriptionId: string;
  readonly name: string;
  readonly relationshipTerm: number;
  readonly cancelled: boolean;
}

/** A relationship that has ended, and what its removal left. */
export interface EndedRelationship extends Pair {
  readonly customerName: string;
  readonly lastRemovedAt: Instant;
  /** In the order in which they ended. */
  readonly endedTerms: readonly EndedTerm[];
  /** It has been re-established since. */
  readonly reestablished: boolean;
  readonly runningCharges: readonly RunningCharge[];
  readonly residualAccess: readonly ResidualAccess[];
}

export interface EndedRelationshipListRequest extends PageRequest {
  readonly partnerId: string;
  /** Which savings plans still run is computed for this time. */
  readonly now: Instant;
  readonly filter?: {
    /** Only those that have been re-established since (true), or that have not (false). */
    readonly reestablished?: boolean;
    /** Last removed at this time or later. */
    readonly removedFrom?: Instant;
    /** Last removed before this time. */
    readonly removedBefore?: Instant;
  };
}

/** A page of the partner's relationships that have ended, the last removed first. */
export async function listEndedRelationships(
  db: Kysely<Views>,
  { partnerId, now, filter = {}, ...page }: EndedRelationshipListRequest,
): Promise<Page<EndedRelationship>> {
  let query = db
    .selectFrom(relationships)
    .selectAll()
    .where('partnerId', '=', tenant(partnerId))
    .where('lastRemovedAt', 'is not', null);
  if (filter.reestablished !== undefined) query = query.where('active', '=', filter.reestablished);
  if (filter.removedFrom !== undefined) query = query.where('lastRemovedAt', '>=', filter.removedFrom);
  if (filter.removedBefore !== undefined) query = query.where('lastRemovedAt', '<', filter.removedBefore);
  const { rows, ...rest } = await keysetPage(query, ['lastRemovedAt', 'customerId'], page, { direction: 'desc' });
  return { rows: await withRemains(db, rows, now), ...rest };
}

async function withRemains(
  db: Kysely<Views>,
  rows: readonly EndedRelationshipRow[],
  now: Instant,
): Promise<EndedRelationship[]> {
  const [first] = rows;
  if (!first) return [];
  const customers = rows.map(({ customerId }) => customerId);
  const charged = await db
    .selectFrom(charges)
    .selectAll()
    .where('partnerId', '=', first.partnerId)
    .where('customerId', 'in', customers)
    .where('charging', '=', true)
    // An expiry is a question of the time; a subscription goes on until an event says otherwise.
    .where((eb) => eb.or([eb('item', '=', 'subscription'), eb('until', '>=', now)]))
    .execute();
  const accessible = await db
    .selectFrom(access)
    .selectAll()
    .where('partnerId', '=', first.partnerId)
    .where('customerId', 'in', customers)
    .execute();
  const chargesOf = Map.groupBy(charged.sort(by(({ item, itemId }) => [item, itemId])), ({ customerId }) => customerId);
  const accessOf = Map.groupBy(
    accessible.sort(by((row) => [row.subscriptionId, row.azureSubscriptionId])),
    ({ customerId }) => customerId,
  );

  return rows.map(({ partnerId, customerId, customerName, lastRemovedAt, endedTerms, active, relationshipTerm }) => {
    const hasEnded = (row: { readonly relationshipTerm: number }) =>
      row.relationshipTerm < relationshipTerm || (!active && row.relationshipTerm === relationshipTerm);
    return {
      partnerId,
      customerId,
      customerName,
      lastRemovedAt: lastRemovedAt!,
      endedTerms,
      reestablished: active,
      runningCharges: (chargesOf.get(customerId) ?? [])
        .filter(hasEnded)
        .map(({ item, itemId, name, until, ...row }) => ({
          item,
          itemId,
          name,
          relationshipTerm: row.relationshipTerm,
          until,
        })),
      residualAccess: (accessOf.get(customerId) ?? [])
        .filter(hasEnded)
        .map(({ subscriptionId, azureSubscriptionId, name, cancelled, ...row }) => ({
          kind: 'azureRoleAssignments' as const,
          subscriptionId,
          azureSubscriptionId,
          name,
          relationshipTerm: row.relationshipTerm,
          cancelled,
        })),
    };
  });
}

/** By the first of the texts that differs. */
function by<Row>(textsOf: (row: Row) => readonly string[]) {
  return (one: Row, other: Row): number => {
    const others = textsOf(other);
    for (const [index, text] of textsOf(one).entries())
      if (text !== others[index]) return text < others[index]! ? -1 : 1;
    return 0;
  };
}
