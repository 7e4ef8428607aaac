import type { Instant } from './calendar.js';
import type { RelayedSignature } from './admission.js';

export interface DelegatedAdminCommands {
  /** Delegated admin privileges (DAP) that exist since before October 2023; one per customer. */
  RecordLegacyDelegatedAdmin: { readonly grantId: string; readonly effectiveAt: Instant };
  RequestDelegatedAdmin: {
    readonly grantId: string;
    /** Unique over all the partner's grants (rule G2). */
    readonly name: string;
    /** Role definition ids (GUIDs). */
    readonly roles: readonly string[];
    readonly durationDays: number;
    readonly autoExtendDays?: number;
    readonly effectiveAt?: Instant;
  };
  UpdateDelegatedAdminRequest: {
    readonly grantId: string;
    readonly name?: string;
    readonly roles?: readonly string[];
    readonly durationDays?: number;
    readonly autoExtendDays?: number;
  };
  LockDelegatedAdminForApproval: { readonly grantId: string };
  ApproveDelegatedAdmin: { readonly grantId: string; readonly approvedBy?: RelayedSignature };
  ExtendDelegatedAdmin: { readonly grantId: string };
  TerminateDelegatedAdmin: { readonly grantId: string };
  ExpireDelegatedAdmin: { readonly grantId: string };
  /** Creates the assignment, or gives an existing one other roles. */
  AssignAccess: {
    readonly grantId: string;
    readonly assignmentId: string;
    /** Security group (GUID). */
    readonly groupId: string;
    readonly roles: readonly string[];
  };
  RemoveAccess: { readonly grantId: string; readonly assignmentId: string };
}
