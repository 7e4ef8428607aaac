import { sql, type SqlBool } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { GrantStatus, Instant, RelationshipEvents } from '#customer-relationship';
import { isOpenGrant, nextOfGrant } from '#customer-relationship/statuses';
import { allOf, guid, id, listOf, object, orNull, text, time, whole, word, type RowOf } from './columns.js';
import {
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
import { list } from './list.js';
import { foldedName } from './names.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { relationshipTermSteps, relationshipTermTable, type RelationshipTermRow } from './relationship-terms.js';
import { blankRow, table, without } from './tables.js';
import { view } from './view.js';

const version = 2;
const grants = `delegated_admin_grants_v${version}` as const;
const terms = `delegated_admin_terms_v${version}` as const;
export { grants as grantTable };

const kinds = ['dap', 'gdap'] as const;
const statuses = allOf<GrantStatus>()([
  'created',
  'deleted',
  'approvalPending',
  'withdrawn',
  'approved',
  'active',
  'terminated',
  'expired',
  'revoked',
]);

/** A grant as events have left it; the list shows it as of the time of the request. */
const columns = {
  ...pairColumns,
  grantId: id(),
  relationshipTerm: whole(),
  kind: word(kinds),
  /** Empty for DAP, which has no name. */
  name: text(),
  sortName: text(),
  roles: listOf(guid()),
  status: word(statuses),
  /** An unapproved request lapses, an active grant ends. */
  ...dueColumns(statuses),
  /** The status that follows from its boundary, once the projector has noted that it has passed; `ended` after its last event. */
  passedInto: text(),
  durationDays: orNull(whole()),
  autoExtendDays: orNull(whole()),
  requestedAt: orNull(time()),
  requestExpiresAt: orNull(time()),
  approvedAt: orNull(time()),
  activatedAt: orNull(time()),
  endsAt: orNull(time()),
  terminationRequestedBy: orNull(word(['partner', 'customer'])),
  endedAt: orNull(time()),
  /** Each is a security group's share of the grant's roles. */
  accessAssignments: listOf(object({ assignmentId: id(), groupId: guid(), roles: listOf(guid()) })),
};
type GrantRow = RowOf<typeof columns>;

export interface GrantTables {
  readonly [grants]: GrantRow;
  readonly [terms]: RelationshipTermRow;
}

/** The change of the row that the event names, if there is one. Each view has its own, so that V8 sees rows of one shape. */
function change<Data>(patch: (data: Data, row: GrantRow) => Partial<GrantRow>) {
  return ({ [grants]: row }: { readonly [grants]?: GrantRow | undefined }, data: Data) =>
    row && { [grants]: dated({ ...row, ...patch(data, row) }) };
}

/** How a grant is noted that nothing opens again. */
const ended = 'ended';

/** A row that has just been made, with what time alone brings about next. */
function dated(row: Omit<GrantRow, keyof (Due & Noted)>): GrantRow {
  return withDue<GrantStatus, GrantRow>(row, nextOfGrant(row), isOpenGrant(row.status) ? undefined : ended);
}

function endsBy<Field extends string>(status: GrantStatus, field: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({
    status,
    endedAt: data[field],
  }));
}

/** DAP and GDAP grants, ended ones too. */
export const delegatedAdminGrantsProjection: Projection<RelationshipEvents, GrantTables, Pair> = {
  name: 'delegated-admin-grants',
  version,
  tables: {
    [grants]: table(columns, {
      key: ['partnerId', 'customerId', 'grantId'],
      indexes: [
        ['partnerId', 'passedInto', 'sortName', 'customerId', 'grantId'],
        ['partnerId', 'passedInto', 'dueAt', 'customerId', 'grantId'],
        // A customer's grants in every status: without it, SQLite reads all grants of the partner.
        ['customerId', 'sortName', 'partnerId', 'grantId'],
      ],
      passing,
    }),
    [terms]: relationshipTermTable,
  },
  keys: ({ type, data }, pair) => {
    if (!('grantId' in data)) return { [terms]: keyOf(pair) };
    const grant = { [grants]: [...keyOf(pair), data.grantId] };
    const creates = type === 'DelegatedAdminRequested' || type === 'DelegatedAdminPrivilegesGranted';
    return creates ? { ...grant, [terms]: keyOf(pair) } : grant;
  },
  on: {
    ...relationshipTermSteps(terms),
    DelegatedAdminPrivilegesGranted: ({ [terms]: term }, { grantId, grantedAt }, pair) => ({
      [grants]: dated({
        ...created(pair, grantId, term),
        kind: 'dap',
        status: 'approved',
        approvedAt: grantedAt,
        activatedAt: grantedAt,
      }),
    }),
    DelegatedAdminRequested: ({ [terms]: term }, data, pair) => {
      const { grantId, name, roles, durationDays, autoExtendDays, requestedAt, expiresAt } = data;
      return {
        [grants]: dated({
          ...created(pair, grantId, term),
          name,
          sortName: foldedName(name),
          roles,
          durationDays,
          autoExtendDays,
          requestedAt,
          requestExpiresAt: expiresAt,
        }),
      };
    },
    DelegatedAdminUpdated: change(({ name, roles, durationDays, autoExtendDays }, row) => ({
      ...(name === undefined ? {} : { name, sortName: foldedName(name) }),
      ...(durationDays === undefined ? {} : { durationDays }),
      ...(autoExtendDays === undefined ? {} : { autoExtendDays }),
      ...(roles === undefined
        ? {}
        : {
            roles,
            // A group keeps no role that its grant has lost.
            accessAssignments: row.accessAssignments.map((assignment) => ({
              ...assignment,
              roles: assignment.roles.filter((role) => roles.includes(role)),
            })),
          }),
    })),
    DelegatedAdminLockedForApproval: change(() => ({ status: 'approvalPending' })),
    DelegatedAdminDeleted: endsBy('deleted', 'deletedAt'),
    DelegatedAdminWithdrawn: endsBy('withdrawn', 'withdrawnAt'),
    DelegatedAdminApproved: change(({ approvedAt }) => ({ status: 'approved', approvedAt })),
    DelegatedAdminActivated: change(({ activatedAt, endsAt }) => ({
      status: 'active',
      activatedAt,
      endsAt,
    })),
    DelegatedAdminExtended: change(({ endsAt }) => ({ endsAt })),
    DelegatedAdminTerminationRequested: change(({ requestedBy }) => ({ terminationRequestedBy: requestedBy })),
    DelegatedAdminTerminated: endsBy('terminated', 'terminatedAt'),
    DelegatedAdminExpired: endsBy('expired', 'expiredAt'),
    DelegatedAdminPrivilegesRevoked: endsBy('revoked', 'revokedAt'),
    AccessAssignmentCreated: change(({ assignmentId, groupId, roles }, { accessAssignments }) => ({
      accessAssignments: [...accessAssignments, { assignmentId, groupId, roles }],
    })),
    AccessAssignmentUpdated: change(({ assignmentId, roles }, { accessAssignments }) => ({
      accessAssignments: accessAssignments.map((assignment) =>
        assignment.assignmentId === assignmentId ? { ...assignment, roles } : assignment,
      ),
    })),
    AccessAssignmentDeleted: change(({ assignmentId }, { accessAssignments }) => ({
      accessAssignments: accessAssignments.filter((assignment) => assignment.assignmentId !== assignmentId),
    })),
  },
};

const blank = blankRow(columns);

function created(
  { partnerId, customerId }: Pair,
  grantId: string,
  term: RelationshipTermRow | undefined,
): Omit<GrantRow, keyof (Due & Noted)> {
  return {
    ...blank,
    partnerId,
    customerId,
    grantId,
    relationshipTerm: term?.relationshipTerm ?? 0,
    kind: 'gdap',
    name: '',
    sortName: '',
    roles: [],
    status: 'created',
    accessAssignments: [],
  };
}

/**
 * A grant as of the time of the request: past its end it is `expired`, even before the clock's command has recorded that. One
 * that is extended at its end is as recorded, and marked: only the event says until when.
 */
const shown = {
  ...without(columns, 'sortName', 'passedInto'),
  name: orNull(text()),
  dueAt: shownDueAt,
  overdueSince: shownOverdueSince,
};

const openStatuses = statuses.filter(isOpenGrant);

export const grantParts: Parted = {
  table: grants,
  alias: grants,
  into: ['active', 'expired'] satisfies GrantStatus[],
  apart: { noted: ended, statuses: statuses.filter((status) => !isOpenGrant(status)) },
};

/** The partner's grants. */
export const grantList = list<GrantTables>()({
  row: { name: 'GrantRow', fields: shown },
  page: 'GrantPage',
  partnerWide: {
    path: 'delegated-admin-grants',
    operation: 'listGrants',
    summary: 'List the delegated admin of all customers',
    answer: 'Delegated admin of the partner’s customers, as of now.',
  },
  ofCustomer: {
    path: 'delegated-admin',
    operation: 'listGrantsOfCustomer',
    summary: 'List the delegated admin of a customer',
    answer: 'Delegated admin of the customer, as of now.',
  },
  dependsOnClock: true,
  filters: {
    /** Default `open`: what has not ended by an event or by time. */
    status: by.oneOf(['open', 'all', ...statuses] as const, 'Only those in this state.'),
    kind: by.oneOf(kinds, 'Only those of this kind.'),
    overdue: by.flag('Only those that are marked as overdue, or only those that are not.'),
    endsFrom: by.time('Only those whose end is then or later.'),
    endsUntil: by.time('Only those that end by then.'),
    customerId: by.customer(),
  },
  sorts: {
    name: ['sortName', 'customerId', 'grantId'],
    /** In the order in which they lapse or end; open-ended ones come last. */
    endsAt: ['dueAt', 'customerId', 'grantId'],
  },
  query(tables, { partnerId, now, filter }) {
    const { status = 'open', kind, overdue, endsFrom, endsUntil, customerId } = filter;
    const due = dueIn(grants, now);
    let query = tables.selectFrom(grants).selectAll();
    if (kind) query = query.where('kind', '=', kind);
    if (overdue !== undefined)
      query = query.where(sql<SqlBool>`(${due.passed} and "statusThen" = "status") = ${overdue}`);
    if (endsFrom) query = query.where('endsAt', '>=', endsFrom);
    if (endsUntil) query = query.where('endsAt', '<=', endsUntil);
    // Ends are inclusive: a grant that lapses now is still open.
    const wanted = status === 'all' ? undefined : status === 'open' ? openStatuses : [status];
    if (customerId) {
      // A customer's grants are few.
      const own = query.where('partnerId', '=', partnerId).where('customerId', '=', customerId);
      return wanted ? own.where(sql<SqlBool>`${due.statusAt} in (${sql.join(wanted)})`) : own;
    }
    return partsOf(grantParts, partnerId, now)(wanted).map((part) => query.where(part));
  },
  show: (rows, { now }) => rows.map((row) => grantOf(row, now)),
});

/** A row of a grant as of a time. An ended grant has no access assignments, however it ended (rules R18, G8b). */
export function grantRowAt(row: GrantRow, now: Instant): GrantRow {
  const { status, statusThen, dueAt } = row;
  // An extension, which only its event tells.
  if (dueAt >= now || statusThen === null || statusThen === status)
    return isOpenGrant(status) ? row : { ...row, accessAssignments: [] };
  return {
    ...row,
    status: statusThen,
    endedAt: dueAt,
    accessAssignments: [],
    ...dueOf<GrantStatus>(undefined),
    passedInto: ended,
  };
}

function grantOf(row: GrantRow, now: Instant): RowOf<typeof shown> {
  const { sortName: _, passedInto: __, name, dueAt, ...grant } = grantRowAt(row, now);
  return {
    ...grant,
    name: grant.kind === 'dap' ? null : name,
    dueAt: dueAtShown(dueAt),
    overdueSince: overdueSince({ dueAt }, now),
  };
}

export const delegatedAdminGrantsView = view({
  projection: delegatedAdminGrantsProjection,
  lists: [grantList],
  explains: [
    explained<GrantTables>()({
      table: grants,
      key: ['grantId'],
      kind: 'grant',
      at: grantRowAt,
      operation: 'explainGrant',
      summary: 'Explain a delegated admin grant',
    }),
  ],
});
