import type { CommandTable } from './command.js';
import type { Context } from './context.js';
import { delegatedAdminCommands, type DelegatedAdminCommands } from './delegated-admin.js';
import type { RelationshipEvents } from './events.js';
import { reject } from './rejections.js';
import { lifecycleCommands, type RelationshipLifecycleCommands } from './relationship.js';
import { reservationCommands, type ReservationCommands } from './reservations.js';
import type { Right, Rights } from './rights.js';
import type { RuleNumber } from './rules.js';
import { savingsPlanCommands, type SavingsPlanCommands } from './savings-plans.js';
import { softwareCommands, type SoftwareCommands } from './software.js';
import { clockCommands } from './statuses.js';
import { subscriptionCommands, type SubscriptionCommands } from './subscriptions.js';
import { supportContactCommands, type SupportContactCommands } from './support-contacts.js';

/** Every command by name. */
export interface RelationshipCommands
  extends
    RelationshipLifecycleCommands,
    SubscriptionCommands,
    ReservationCommands,
    SoftwareCommands,
    SavingsPlanCommands,
    SupportContactCommands,
    DelegatedAdminCommands {}

export type CommandName = keyof RelationshipCommands;

/** Every command's entry. If the compiler misses one here, add it in its noun's file. */
export const commands: CommandTable<RelationshipCommands> = {
  ...lifecycleCommands,
  ...subscriptionCommands,
  ...reservationCommands,
  ...softwareCommands,
  ...savingsPlanCommands,
  ...supportContactCommands,
  ...delegatedAdminCommands,
};

/** Who may send a command under a policy. */
export function rightTo(command: CommandName, { rights }: { readonly rights: Rights }): Right {
  return rights[command] ?? commands[command].right;
}

/** The sender must hold the right to the command under the policy (rules R4, R5, R28, S19). */
export function requireRight(command: CommandName, { actor, policy }: Context): void {
  // The ledger's own timekeeper has no roles; it records what time has brought about, and nothing else.
  if (actor.kind === 'system' && clockCommands.some((each) => each === command)) return;
  const right = rightTo(command, policy);
  if (actor.kind === 'customerUser') {
    if (!right.customer) throw reject('ActorNotAllowed', { command, hint: 'askThePartner' });
    return;
  }
  if (actor.kind === 'partnerApp' && !right.appOnly) throw reject('UserContextRequired', { command });
  const holdsOne = right.anyOf.some((role) => actor.roles.includes(role));
  const holdsAll = (right.allOf ?? []).every((role) => actor.roles.includes(role));
  if (!holdsOne || !holdsAll)
    throw reject('RoleNotAllowed', right.allOf ? { command, allOf: right.allOf } : { command, anyOf: right.anyOf });
}

/** The rules that govern a command, and its own events; its other events follow from them. */
export interface Governance {
  readonly rules: readonly RuleNumber[];
  readonly emits: readonly (keyof RelationshipEvents)[];
}

/** By the name of the command; undefined for a command that only another release knows. */
export function governance(command: string): Governance | undefined {
  return (commands as Readonly<Record<string, Governance>>)[command];
}
