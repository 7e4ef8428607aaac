// The words of the document that stand in no route: what an operation is called in a table of contents, and what its tag is
// about. A route that sends a command is called after it.

/** By `Controller.method`. */
const summaries: Readonly<Record<string, string>> = {
  'RelationshipQueries.relationship': 'Read a relationship',
  'RelationshipQueries.readiness': 'Ask what a removal would meet',
  'ItemQueries.subscription': 'Read a subscription',
  'ItemQueries.azureSubscription': 'Read an Azure subscription',
  'ItemQueries.reservation': 'Read a reservation',
  'ItemQueries.software': 'Read a software purchase',
  'ItemQueries.savingsPlan': 'Read a savings plan',
  'ItemQueries.grant': 'Read a delegated admin grant',
  'ItemQueries.accessAssignment': 'Read an access assignment',
  'CustomersController.list': 'List customers',
  'CustomerItemsController.list': 'List the items of a customer',
  'PartnerItemsController.list': 'List the items of all customers',
  'CustomerSupportContactsController.list': 'List the support contacts of a customer',
  'PartnerSupportContactsController.list': 'List the support contacts of all customers',
  'CustomerGrantsController.list': 'List the delegated admin of a customer',
  'PartnerGrantsController.list': 'List the delegated admin of all customers',
  'EndedRelationshipsController.list': 'List relationships that have ended',
  'HistoryController.events': 'Read or follow the history of a relationship',
  'LedgerHistoryController.events': 'Read or follow the history of all relationships',
  'SecurityEventsController.read': 'List what was denied to whom',
  'OperationsController.operation': 'Read an operation',
  'OperationsController.cancel': 'Give an operation up',
  'HealthController.live': 'Ask whether the process answers',
  'HealthController.ready': 'Ask whether the server is ready',
  'ProblemsController.all': 'List every problem',
  'ProblemsController.one': 'Read what a problem means',
  'SchemasController.events': 'List the schemas of events',
  'SchemasController.event': 'Read the schema of an event',
  'SchemasController.commands': 'List the schemas of commands',
  'SchemasController.command': 'Read the schema of a command',
};

/** Every tag, in the order of a table of contents. */
export const tagTexts: Readonly<Record<string, string>> = {
  'reseller-relationship': 'The relationship itself: from its request to its removal.',
  agreement: 'The customer agreement, without which nothing is bought.',
  profile: 'What the partner knows the customer by.',
  subscriptions: 'Subscriptions of any kind, the Azure subscriptions under a plan, and their support contacts.',
  reservations: 'Reservations and their refunds.',
  software: 'Software purchases, perpetual or by subscription.',
  'savings-plans': 'Savings plans.',
  'delegated-admin': 'Delegated admin privileges, granular or not, and the access assigned under them.',
  customers: 'Customers with an active relationship.',
  items: 'Everything that customers have, whatever it is.',
  'support-contacts': 'Whom customers may turn to.',
  'ended-relationships': 'Relationships that have ended, and what goes on after them.',
  events: 'All that happened, as CloudEvents.',
  'security-events': 'Who was not let in, and who asked for what others have.',
  operations: 'What takes longer than a caller waits for.',
  health: 'Probes of an orchestrator; no token is asked for.',
  problems: 'What the type of a problem leads to.',
  schemas: 'JSON Schemas of every event and every command.',
};

/** Nothing for a route that nobody has named. */
export function summaryOf(route: string): string | undefined {
  return summaries[route];
}

const itemIdText = 'One that looks like a GUID counts in any case.';

/** Of parameters in the path and the query, by name: one name means one thing, whatever the route. */
export const parameterTexts: Readonly<Record<string, string>> = {
  subscriptionId: `The subscription. ${itemIdText}`,
  azureSubscriptionId: `The Azure subscription under the plan. ${itemIdText}`,
  reservationId: `The reservation. ${itemIdText}`,
  purchaseId: `The software purchase. ${itemIdText}`,
  savingsPlanId: `The savings plan. ${itemIdText}`,
  grantId: `The delegated admin grant. ${itemIdText}`,
  operationId: 'As the Location header brings it.',
  assignmentId: `The access assignment under the grant. ${itemIdText}`,
  customerId: 'The tenant of one customer: a GUID in any case.',
  partnerId: 'The tenant of the partner: a GUID in any case.',
  name: 'The last part of the type.',
  eventType: 'The name of the event.',
  schemaNumber: 'The version of the form of its data, as the event names it.',
  commandName: 'The name of the command.',
  cursor: 'From the Link header of the page before, with the same filters and sort.',
  limit: 'How many at most on this page.',
  atLeast: 'The position that the view must have reached; Ledger-Position says the same and names the ledger.',
  asOf: 'As it stood at this time: what had been recorded by then counts. Not in the future.',
  asOfPosition: 'As it stood at this position of the ledger. One moment at a time.',
  asOfRevision: 'As it stood at this revision of the relationship. One moment at a time.',
  after: 'Only what lies behind this revision.',
  sort: 'In which order.',
  status: 'Only those in this state.',
  kind: 'Only those of this kind.',
  item: 'Only items of this type.',
  current: 'Only those that belong to the term that runs now, or only those that do not.',
  nameStartsWith: 'Only names that start so, in any case.',
  nameContains: 'Only names that contain this, in any case.',
  domain: 'Only the customer with this domain.',
  endsUntil: 'Only what ends by then.',
  contactTenantId: 'Only designations of this support contact.',
  reestablished: 'Only those that are active again, or only those that are not.',
  removedFrom: 'Only removals at this time or later.',
  removedBefore: 'Only removals before this time.',
};
