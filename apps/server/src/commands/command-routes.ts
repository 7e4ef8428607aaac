import type { CommandName } from '#customer-relationship';
import type { CommandRoute } from './command-route.js';
import { delegatedAdminRoutes } from './delegated-admin.js';
import { relationshipRoutes } from './relationship.js';
import { reservationRoutes } from './reservations.js';
import { savingsPlanRoutes } from './savings-plans.js';
import { softwareRoutes } from './software.js';
import { subscriptionRoutes } from './subscriptions.js';
import { supportContactRoutes } from './support-contacts.js';

/** The route of every command, in the document's order. Each is declared in the file of its noun. */
export const commandRoutes: Readonly<Record<CommandName, CommandRoute>> = {
  ...relationshipRoutes,
  ...subscriptionRoutes,
  ...supportContactRoutes,
  ...reservationRoutes,
  ...softwareRoutes,
  ...savingsPlanRoutes,
  ...delegatedAdminRoutes,
};

// The table has no other keys: every noun declares only commands.
export const commandNames = Object.keys(commandRoutes) as readonly CommandName[];
