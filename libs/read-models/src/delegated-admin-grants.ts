import type { ExpressionBuilder, Kysely, SelectQueryBuilder } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { GrantStatus, Instant, RelationshipEvents } from '#customer-relationship';
import { grantAt, isOpenGrant } from '#customer-relationship/statuses';
import { keysetPage, never, type Page, type PageRequest } from './keyset.js';
import { foldedName } from './names.js';
import { keyOf, tenant, type Pair } from './pair.js';
import {
  relationshipTermSteps,
  relationshipTermTable,
  termKey,
  type RelationshipTermRow,
} from './relationship-terms.js';
import type { Views } from './views.js';

const version = 1;
const grants = `delegated_admin_grants_v${version}` as const;
const terms = `delegated_admin_terms_v${version}` as const;

/** A security group's share of a grant's roles. */
export interface AccessAssignment {
  readonly assignmentId: string;
  readonly groupId: string;
  readonly roles: readonly string[];
}

/** What the events say of a grant; queries answer what holds at a time ({@link Grant}). */
export interface DelegatedAdminGrantRow extends Pair {
  readonly grantId: string;
  readonly relationshipTerm: number;
  readonly kind: 'dap' | 'gdap';
  /** Empty for DAP, which has no name. */
  readonly name: string;
  readonly sortName: string;
  readonly roles: readonly string[];
  readonly status: GrantStatus;
  /** No event may follow that opens it again. */
  readonly ended: boolean;
  /** When time ends it as it stands now (inclusive): an unapproved request lapses, an active grant ends. Far away for what does not end by time. */
  readonly lapsesAt: Instant;
  readonly durationDays: number | null;
  readonly autoExtendDays: number | null;
  readonly requestedAt: Instant | null;
  readonly requestExpiresAt: Instant | null;
  readonly approvedAt: Instant | null;
  readonly activatedAt: Instant | null;
  readonly endsAt: Instant | null;
  readonly terminationRequestedBy: 'partner' | 'customer' | null;
  readonly endedAt: Instant | null;
  readonly accessAssignments: readonly AccessAssignment[];
}

export interface DelegatedAdminGrantTables {
  readonly [grants]: DelegatedAdminGrantRow;
  readonly [terms]: RelationshipTermRow;
}

type GrantRows = { readonly [grants]?: DelegatedAdminGrantRow | undefined };

/** The change of the grant that the event names, if there is one. */
function change<Data>(patch: (data: Data, row: DelegatedAdminGrantRow) => Partial<DelegatedAdminGrantRow>) {
  return ({ [grants]: row }: GrantRows, data: Data) => row && { [grants]: { ...row, ...patch(data, row) } };
}

function endsBy<Field extends string>(status: GrantStatus, field: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({
    status,
    ended: true,
    lapsesAt: never,
    endedAt: data[field],
  }));
}

/** DAP and GDAP grants, ended ones too. */
export const delegatedAdminGrantsView: Projection<RelationshipEvents, DelegatedAdminGrantTables, Pair> = {
  name: 'delegated-admin-grants',
  version,
  tables: {
    [grants]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        grantId: 'text',
        relationshipTerm: 'integer',
        kind: 'text',
        name: 'text',
        sortName: 'text',
        roles: 'json',
        status: 'text',
        ended: 'boolean',
        lapsesAt: 'text',
        durationDays: 'integer?',
        autoExtendDays: 'integer?',
        requestedAt: 'text?',
        requestExpiresAt: 'text?',
        approvedAt: 'text?',
        activatedAt: 'text?',
        endsAt: 'text?',
        terminationRequestedBy: 'text?',
        endedAt: 'text?',
        accessAssignments: 'json',
      },
      key: ['partnerId', 'customerId', 'grantId'],
      indexes: [
        ['partnerId', 'ended', 'sortName', 'customerId', 'grantId'],
        ['partnerId', 'ended', 'lapsesAt', 'customerId', 'grantId'],
        ['partnerId', 'sortName', 'customerId', 'grantId'],
        ['partnerId', 'lapsesAt', 'customerId', 'grantId'],
        // A customer's grants in every status: without it, SQLite goes through all of the partner's.
        ['customerId', 'sortName', 'partnerId', 'grantId'],
      ],
    },
    [terms]: relationshipTermTable,
  },
  keys: ({ type, data }, pair) => {
    if (!('grantId' in data)) return { [terms]: termKey(pair) };
    const grant = { [grants]: [...keyOf(pair), data.grantId] };
    const begins = type === 'DelegatedAdminRequested' || type === 'DelegatedAdminPrivilegesGranted';
    return begins ? { ...grant, [terms]: termKey(pair) } : grant;
  },
  on: {
    ...relationshipTermSteps(terms),
    DelegatedAdminPrivilegesGranted: ({ [terms]: term }, { grantId, grantedAt }, pair) => ({
      [grants]: {
        ...begun(pair, grantId, term),
        kind: 'dap',
        status: 'approved',
        approvedAt: grantedAt,
        activatedAt: grantedAt,
      },
    }),
    DelegatedAdminRequested: ({ [terms]: term }, data, pair) => {
      const { grantId, name, roles, durationDays, autoExtendDays, requestedAt, expiresAt } = data;
      return {
        [grants]: {
          ...begun(pair, grantId, term),
          name,
          sortName: foldedName(name),
          roles,
          lapsesAt: expiresAt,
          durationDays,
          autoExtendDays,
          requestedAt,
          requestExpiresAt: expiresAt,
        },
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
    DelegatedAdminApproved: change(({ approvedAt }) => ({ status: 'approved', lapsesAt: never, approvedAt })),
    DelegatedAdminActivated: change(({ activatedAt, endsAt }) => ({
      status: 'active',
      lapsesAt: endsAt,
      activatedAt,
      endsAt,
    })),
    DelegatedAdminExtended: change(({ endsAt }) => ({ lapsesAt: endsAt, endsAt })),
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

function begun(
  { partnerId, customerId }: Pair,
  grantId: string,
  term: RelationshipTermRow | undefined,
): DelegatedAdminGrantRow {
  return {
    partnerId,
    customerId,
    grantId,
    relationshipTerm: term?.relationshipTerm ?? 0,
    kind: 'gdap',
    name: '',
    sortName: '',
    roles: [],
    status: 'created',
    ended: false,
    lapsesAt: never,
    durationDays: null,
    autoExtendDays: null,
    requestedAt: null,
    requestExpiresAt: null,
    approvedAt: null,
    activatedAt: null,
    endsAt: null,
    terminationRequestedBy: null,
    endedAt: null,
    accessAssignments: [],
  };
}

/** A grant as it stands at the time of the question: past its end it is `expired`, whatever the clock's command has done so far. */
export interface Grant extends Omit<DelegatedAdminGrantRow, 'sortName' | 'ended' | 'lapsesAt' | 'name'> {
  readonly name: string | null;
}

export const grantSorts = ['name', 'endsAt'] as const;
export type GrantSort = (typeof grantSorts)[number];

export interface GrantFilter {
  /** Default `open`: what has not ended by an event or by time. */
  readonly status?: GrantStatus | 'open' | 'all';
  readonly kind?: 'dap' | 'gdap';
  readonly customerId?: string;
}

export interface GrantListRequest extends PageRequest {
  readonly partnerId: string;
  /** Statuses are computed for this time. */
  readonly now: Instant;
  /** Default: name, without regard to case. `endsAt`: by when they lapse or end, open-ended ones last. */
  readonly sort?: GrantSort;
  readonly filter?: GrantFilter;
}

/** A page of the partner's grants. */
export async function listGrants(
  db: Kysely<Views>,
  { partnerId, now, sort = 'name', filter = {}, ...page }: GrantListRequest,
): Promise<Page<Grant>> {
  let query = filtered(db.selectFrom(grants).selectAll().where('partnerId', '=', tenant(partnerId)), filter, now, sort);
  if (filter.customerId !== undefined) query = query.where('customerId', '=', tenant(filter.customerId));
  const columns = [sort === 'name' ? 'sortName' : 'lapsesAt', 'customerId', 'grantId'] as const;
  const { rows, ...rest } = await keysetPage(query, columns, page);
  return { rows: rows.map((row) => grantOf(row, now)), ...rest };
}

function filtered<O>(
  query: SelectQueryBuilder<Views, typeof grants, O>,
  { status = 'open', kind }: GrantFilter,
  now: Instant,
  sort: GrantSort,
): SelectQueryBuilder<Views, typeof grants, O> {
  const ofKind = kind === undefined ? query : query.where('kind', '=', kind);
  // Ends are inclusive: what lapses now still stands. Said as a negation it is no range, so that the database goes along
  // the index of the sort instead of fetching the range from another index and sorting it.
  const stands = (eb: ExpressionBuilder<Views, typeof grants>) =>
    sort === 'endsAt' ? eb('lapsesAt', '>=', now) : eb.not(eb('lapsesAt', '<', now));
  switch (status) {
    case 'all':
      return ofKind;
    case 'open':
      return ofKind.where('ended', '=', false).where(stands);
    case 'expired':
      return ofKind.where((eb) =>
        eb.or([eb('status', '=', 'expired'), eb.and([eb('ended', '=', false), eb('lapsesAt', '<', now)])]),
      );
    case 'terminated':
    case 'revoked':
      return ofKind.where('ended', '=', true).where('status', '=', status);
    case 'created':
    case 'approvalPending':
    case 'approved':
    case 'active':
      return ofKind.where('ended', '=', false).where('status', '=', status).where(stands);
  }
}

/**
 * A row of a grant as it stands at a time. An ended grant has no access assignments, however it ended (rules R18, G8b).
 */
export function grantRowAt(row: DelegatedAdminGrantRow, now: Instant): DelegatedAdminGrantRow {
  const { status, endedAt } = grantAt(row, now);
  if (isOpenGrant(status)) return row;
  return { ...row, status, accessAssignments: [], ...(endedAt === undefined ? {} : { endedAt }) };
}

function grantOf(row: DelegatedAdminGrantRow, now: Instant): Grant {
  const { sortName: _, ended: __, lapsesAt: ___, name, ...grant } = grantRowAt(row, now);
  return { ...grant, name: grant.kind === 'dap' ? null : name };
}
