export * from './admission.js';
export * from './calendar.js';
export * from './commands.js';
export * from './context.js';
export * from './customer-relationship.js';
export * from './event-codec.js';
export * from './events.js';
export * from './grant-names.js';
export * from './journal.js';
export * from './parties.js';
export * from './policy.js';
export type { Right, Rights } from './rights.js';
export * from './rejections.js';
export * from './relationship.js';
export * from './removal.js';
export { businessRules, rulesOfEveryCommand, type RuleNumber } from './rules.js';
export * from './sales-regions.js';
export {
  comingUp,
  dataNaming,
  itemsNamedBy,
  nextBoundary,
  request as requestItem,
  settle,
  settledState,
  type Due,
  type ItemRef,
  type Noun,
} from './settling.js';
export * from './state.js';
export * from './statuses.js';
export * from './subscriptions.js';
export * from './reservations.js';
export * from './software.js';
export * from './savings-plans.js';
export * from './support-contacts.js';
export * from './delegated-admin.js';
export * from './visible-text.js';
