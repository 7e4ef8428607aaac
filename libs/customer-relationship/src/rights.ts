import type { CommandName } from './commands.js';
import type { Role } from './parties.js';

/** Who may send a command. Each command has its right in the noun's file; a policy may override it. */
export interface Right {
  /** The partner's people and apps with one of these roles; empty if only the customer may send it. */
  readonly anyOf: readonly Role[];
  /** They also need all of these roles (rule S19). */
  readonly allOf?: readonly Role[];
  /** An app without a user may send it too (rule R5). */
  readonly appOnly: boolean;
  /** The customer's Global admin may send it too. */
  readonly customer: boolean;
}

/** The rights that a policy overrides (rule R4). */
export type Rights = Readonly<Partial<Record<CommandName, Right>>>;

const partnerRoles: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];

/** The partner's people with one of these roles. */
export const byUser = (...anyOf: Role[]): Right => ({ anyOf, appOnly: false, customer: false });
/** The same, and the partner's apps with one of them. */
export const byUserOrApp = (...anyOf: Role[]): Right => ({ ...byUser(...anyOf), appOnly: true });
/** Any of the partner's people or apps. */
export const byAnyRole = byUserOrApp(...partnerRoles);
/** For recording what time has brought about: any of the partner's people or apps. */
export const clock = byAnyRole;
/** A customer's Global admin, or the partner's app that relays the decision (rule R25). */
export const customerDecision: Right = { ...byAnyRole, customer: true };
/** The roles of an app that may relay it. */
export const relays: readonly Role[] = ['GlobalAdmin', 'AdminAgent'];
