import type { DelegatedAdminCommands } from './delegated-admin.js';
import type { RelationshipLifecycleCommands } from './relationship.js';
import type { ReservationCommands } from './reservations.js';
import type { SavingsPlanCommands } from './savings-plans.js';
import type { SoftwareCommands } from './software.js';
import type { SubscriptionCommands } from './subscriptions.js';
import type { SupportContactCommands } from './support-contacts.js';

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
