import type { Kysely } from 'kysely';
import type { Projection, ViewQueries } from '#event-sourcing';
import type { Instant, RelationshipEvents } from '#customer-relationship';
import { flag, id, listOf, object, orNull, text, time, whole, word, type RowOf } from './columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { list } from './list.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { bound, viewQuery } from './query.js';
import { blankRow, table } from './tables.js';
import { view } from './view.js';

const version = 1;
const relationships = `ended_relationships_v${version}` as const;
const charges = `running_charges_v${version}` as const;
const access = `residual_access_v${version}` as const;

/** Every relationship that was ever established; only those that have ended are listed. */
const columns = {
  ...pairColumns,
  customerName: text(),
  /** The latest term, and its start. */
  relationshipTerm: whole(),
  establishedAt: orNull(time()),
  /** It runs (again). */
  active: flag(),
  /** Null for a relationship that has never ended. */
  lastRemovedAt: orNull(time()),
  /** Terms that a removal has ended, in the order in which they ended, each with the policy that allowed the removal. */
  endedTerms: listOf(
    object({
      relationshipTerm: whole(),
      establishedAt: time(),
      removedAt: time(),
      policy: text(),
      noticeGiven: orNull(flag()),
    }),
  ),
};
type EndedRow = RowOf<typeof columns>;

/** An item whose charge may outlive its term. Each has a row of its own, so that no row grows with the number of items. */
const chargeColumns = {
  ...pairColumns,
  item: word(['subscription', 'savingsPlan']),
  itemId: id(),
  relationshipTerm: whole(),
  name: text(),
  /** Billed although the customer cannot use it: a suspended new-commerce subscription (rule S16), or a savings plan. */
  charging: flag(),
  /** The end of the term, or the plan's expiry: what is charged so ends then, whether or not that has been recorded. */
  until: orNull(time()),
};

/** An Azure subscription under an Azure plan: role assignments on it outlive a removal (rule G12). */
const accessColumns = {
  ...pairColumns,
  /** The Azure plan. */
  subscriptionId: id(),
  azureSubscriptionId: id(),
  relationshipTerm: whole(),
  name: text(),
  /** A cancelled one can be reactivated, with its role assignments. */
  cancelled: flag(),
};

interface EndedRelationshipTables {
  readonly [relationships]: EndedRow;
  readonly [charges]: RowOf<typeof chargeColumns>;
  readonly [access]: RowOf<typeof accessColumns>;
}

const blank = blankRow(columns);
/** The change of the row that the event names, if there is one. Each view has its own, so that V8 sees rows of one shape. */
function change<Data>(patch: (data: Data, row: EndedRow) => Partial<EndedRow>) {
  return ({ [relationships]: row }: { readonly [relationships]?: EndedRow | undefined }, data: Data) =>
    row && { [relationships]: { ...row, ...patch(data, row) } };
}

/** Relationships that have ended at least once, with the charges and the access that their removal did not end. */
export const endedRelationshipsProjection: Projection<RelationshipEvents, EndedRelationshipTables, Pair> = {
  name: 'ended-relationships',
  version,
  tables: {
    [relationships]: table(columns, {
      key: ['partnerId', 'customerId'],
      indexes: [['partnerId', 'lastRemovedAt', 'customerId']],
    }),
    [charges]: table(chargeColumns, { key: ['partnerId', 'customerId', 'item', 'itemId'] }),
    [access]: table(accessColumns, { key: ['partnerId', 'customerId', 'subscriptionId', 'azureSubscriptionId'] }),
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
    ResellerRelationshipRequested: ({ [relationships]: row }, { customer }, pair) => ({
      [relationships]: row
        ? { ...row, customerName: customer.name }
        : { ...blank, ...pair, customerName: customer.name, relationshipTerm: 0, active: false, endedTerms: [] },
    }),
    ResellerRelationshipEstablished: change(({ relationshipTerm, establishedAt }) => ({
      relationshipTerm,
      establishedAt,
      active: true,
    })),
    CustomerProfileUpdated: ({ [relationships]: row }, { name }) =>
      row && name !== undefined ? { [relationships]: { ...row, customerName: name } } : undefined,
    ResellerRelationshipRemoved: change(
      ({ relationshipTerm, removedAt, policy, noticeGiven = null }, { establishedAt, endedTerms }) => ({
        active: false,
        lastRemovedAt: removedAt,
        endedTerms: [
          ...endedTerms,
          { relationshipTerm, establishedAt: establishedAt ?? removedAt, removedAt, policy, noticeGiven },
        ],
      }),
    ),

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
    SubscriptionProvisioningFailed: () => ended,
    SubscriptionProvisioningCancelled: () => ended,
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

/** A relationship that has ended, and what its removal has left. */
const shown = {
  ...pairColumns,
  customerName: text(),
  lastRemovedAt: time(),
  endedTerms: columns.endedTerms,
  /** It has been re-established since. */
  reestablished: flag(),
  runningCharges: listOf(
    object({
      item: text<'subscription' | 'savingsPlan'>(),
      itemId: id(),
      name: text(),
      relationshipTerm: whole(),
      until: orNull(time()),
    }),
  ),
  residualAccess: listOf(
    object({
      kind: text<'azureRoleAssignments'>(),
      subscriptionId: id(),
      azureSubscriptionId: id(),
      name: text(),
      relationshipTerm: whole(),
      cancelled: flag(),
    }),
  ),
};
export type EndedRelationship = RowOf<typeof shown>;

/** The partner's relationships that have ended, the last removed first. */
export const endedRelationshipList = list<EndedRelationshipTables>()({
  row: { name: 'EndedRelationship', fields: shown },
  partnerWide: {
    path: 'ended-relationships',
    operation: 'listEndedRelationships',
    summary: 'List relationships that have ended',
    answer: 'Relationships that have ended, the last removed first.',
  },
  // Charges end by time alone.
  dependsOnClock: true,
  filters: {
    reestablished: by.flag('Only those that are active again, or only those that are not.'),
    removedFrom: by.time('Only removals at this time or later.'),
    removedBefore: by.time('Only removals before this time.'),
  },
  sorts: { removal: ['lastRemovedAt', 'customerId'] },
  direction: 'desc',
  query(tables, { partnerId, filter: { reestablished, removedFrom, removedBefore } }) {
    let query = tables
      .selectFrom(relationships)
      .selectAll()
      .where('partnerId', '=', partnerId)
      .where('lastRemovedAt', 'is not', null);
    if (reestablished !== undefined) query = query.where('active', '=', reestablished);
    if (removedFrom) query = query.where('lastRemovedAt', '>=', removedFrom);
    if (removedBefore) query = query.where('lastRemovedAt', '<', removedBefore);
    return query;
  },
  show: (rows, { now }, queries) => rows.map((row) => withRemains(queries, row, now)),
});

const chargesOfCustomer = viewQuery((tables: Kysely<EndedRelationshipTables>) =>
  tables
    .selectFrom(charges)
    .select(['item', 'itemId', 'name', 'relationshipTerm', 'until'])
    .where('partnerId', '=', bound<string>('partnerId'))
    .where('customerId', '=', bound<string>('customerId'))
    .where('charging', '=', true)
    .where((eb) => eb.or([eb('until', 'is', null), eb('until', '>=', bound<Instant>('now'))]))
    .orderBy('item')
    .orderBy('itemId'),
);
const accessToCustomer = viewQuery((tables: Kysely<EndedRelationshipTables>) =>
  tables
    .selectFrom(access)
    .select(['subscriptionId', 'azureSubscriptionId', 'name', 'relationshipTerm', 'cancelled'])
    .where('partnerId', '=', bound<string>('partnerId'))
    .where('customerId', '=', bound<string>('customerId'))
    .orderBy('subscriptionId')
    .orderBy('azureSubscriptionId'),
);

function withRemains(queries: ViewQueries, row: EndedRow, now: Instant): EndedRelationship {
  const { partnerId, customerId, customerName, lastRemovedAt, endedTerms, active, relationshipTerm } = row;
  const ofEndedTerm = (remains: { readonly relationshipTerm: number }) =>
    remains.relationshipTerm < relationshipTerm || (!active && remains.relationshipTerm === relationshipTerm);
  return {
    partnerId,
    customerId,
    customerName,
    lastRemovedAt: lastRemovedAt!,
    endedTerms,
    reestablished: active,
    runningCharges: queries.all(chargesOfCustomer, { partnerId, customerId, now }).filter(ofEndedTerm),
    residualAccess: queries
      .all(accessToCustomer, { partnerId, customerId })
      .filter(ofEndedTerm)
      .map((remaining) => ({ kind: 'azureRoleAssignments', ...remaining })),
  };
}

export const endedRelationshipsView = view({
  projection: endedRelationshipsProjection,
  lists: [endedRelationshipList],
  explains: [
    explained<EndedRelationshipTables>()({
      table: relationships,
      kind: 'endedRelationship',
      // With all that its end has left.
      with: [charges, access],
      isListed: ({ lastRemovedAt }) => lastRemovedAt !== null,
      operation: 'explainEndedRelationship',
      summary: 'Explain an ended relationship and what goes on after it',
    }),
  ],
});
