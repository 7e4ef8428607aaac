import type { DelegatedAdminCommands } from '#customer-relationship';
import { Guid, ItemId, ListOf, Nested, Optional, Text, Time, Whole } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody, LateFactBody } from './commented-body.js';
import { SignatureFields } from './relationship.js';

// Length, duration and number of roles are rules of the domain (G1, G2, G3), which names the broken rule. The bounds here
// only keep out nonsense.
const GrantName = () => Text(200);
const Roles = () => ListOf(Guid(), 0, 100);
const Days = () => Whole(0, 100_000);

class RecordLegacyDelegatedAdminBody extends CommentedBody {
  @ItemId('dap-0001') grantId!: string;
  @Time() effectiveAt!: string;
}

class RequestDelegatedAdminBody extends CommentedBody {
  @ItemId('gdap-0001') grantId!: string;
  @GrantName() name!: string;
  @Roles() roles!: readonly string[];
  @Days() durationDays!: number;
  @Optional(Days()) autoExtendDays?: number;
  @Optional(Time()) effectiveAt?: string;
}

class UpdateDelegatedAdminRequestBody extends LateFactBody {
  @Optional(GrantName()) name?: string;
  @Optional(Roles()) roles?: readonly string[];
  @Optional(Days()) durationDays?: number;
  @Optional(Days()) autoExtendDays?: number;
}

class ApproveDelegatedAdminBody extends CommentedBody {
  @Optional(Nested(SignatureFields)) approvedBy?: SignatureFields;
}

class AssignAccessBody extends CommentedBody {
  @ItemId('access-0001') assignmentId!: string;
  @Guid() groupId!: string;
  @Roles() roles!: readonly string[];
}

export const delegatedAdminRoutes = routesOf<DelegatedAdminCommands>()({
  RecordLegacyDelegatedAdmin: {
    path: 'delegated-admin/record-legacy',
    body: RecordLegacyDelegatedAdminBody,
    creates: { event: 'DelegatedAdminPrivilegesGranted', at: 'delegated-admin/:grantId' },
  },
  RequestDelegatedAdmin: {
    path: 'delegated-admin',
    body: RequestDelegatedAdminBody,
    creates: { event: 'DelegatedAdminRequested', at: 'delegated-admin/:grantId' },
  },
  UpdateDelegatedAdminRequest: { path: 'delegated-admin/:grantId/update', body: UpdateDelegatedAdminRequestBody },
  LockDelegatedAdminForApproval: { path: 'delegated-admin/:grantId/lock', body: CommentedBody },
  DeleteDelegatedAdminRequest: { path: 'delegated-admin/:grantId/delete', body: CommentedBody },
  WithdrawDelegatedAdminRequest: { path: 'delegated-admin/:grantId/withdraw', body: CommentedBody },
  ApproveDelegatedAdmin: { path: 'delegated-admin/:grantId/approve', body: ApproveDelegatedAdminBody },
  ExtendDelegatedAdmin: { path: 'delegated-admin/:grantId/extend', body: CommentedBody },
  TerminateDelegatedAdmin: { path: 'delegated-admin/:grantId/terminate', body: CommentedBody },
  ExpireDelegatedAdmin: { path: 'delegated-admin/:grantId/expire', body: CommentedBody },
  AssignAccess: {
    path: 'delegated-admin/:grantId/access-assignments',
    body: AssignAccessBody,
    creates: { event: 'AccessAssignmentCreated', at: 'delegated-admin/:grantId/access-assignments/:assignmentId' },
  },
  RemoveAccess: { path: 'delegated-admin/:grantId/access-assignments/:assignmentId/remove', body: CommentedBody },
});
