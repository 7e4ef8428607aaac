import type { CommandName } from './commands.js';
import type { Role } from './parties.js';

// Who may send a command. The right to each stands with it, in the noun's file; a policy may override it.

/** Who may send a command. */
export interface Right {
  /** The partner's people and apps with one of these roles; empty: only the customer's. */
  readonly anyOf: readonly Role[];
  /** All of these roles, on top (rule S19). */
  readonly allOf?: readonly Role[];
  /** Also app-only, without a user (rule R5). */
  readonly appOnly: boolean;
  /** Also the customer's Global admin. */
  readonly customer: boolean;
}

/** What a policy says otherwise of single commands (rule R4). */
export type Rights = Readonly<Partial<Record<CommandName, Right>>>;

const partnerRoles: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];

/** The partner's people with one of these roles. */
export const byUser = (...anyOf: Role[]): Right => ({ anyOf, appOnly: false, customer: false });
/** The same, and the partner's apps with one of them. */
export const byUserOrApp = (...anyOf: Role[]): Right => ({ ...byUser(...anyOf), appOnly: true });
/** Any of the partner's people or apps. */
export const byAnyRole = byUserOrApp(...partnerRoles);
/** What the clock brings about; any of the partner's people or apps may report it. */
export const clock = byAnyRole;
/** A customer's Global admin, or the partner's app that relays the decision (rule R25). */
export const customerDecision: Right = { ...byAnyRole, customer: true };
