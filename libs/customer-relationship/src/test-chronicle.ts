import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  canonicalJson,
  CommandLoop,
  fold,
  FoldedStreams,
  idOf,
  inMemoryEventStore,
  sealer,
  type Json,
  type MessageOf,
  type RecordedEvent,
} from '#event-sourcing';
import { addDays } from './calendar.js';
import { commands, type CommandName, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import type { RelationshipEvents } from './events.js';
import type { Actor } from './parties.js';
import { policyHash } from './policy.js';
import { relationshipSummary } from './state.js';
import { anyCommand, circumstancesOf, commandNames, commandSaid, utterancesAbout } from './test-commands.js';
import { context, customerUser, partner, partnerApp, partnerUser, policyOf2020, reseller } from './test-scenarios.js';

const seal = sealer(() => undefined);

interface Sender {
  readonly customerId?: string;
  readonly actor?: Actor;
}

/** The event of each name with the most fields. */
export function fullest(log: readonly RecordedEvent[]): RecordedEvent[] {
  const byType = new Map<string, RecordedEvent>();
  for (const event of log) {
    const before = byType.get(event.type);
    if (!before || fields(event.data) > fields(before.data)) byType.set(event.type, event);
  }
  return [...byType.values()];
}

function fields(data: Json): number {
  return canonicalJson(shapeOf(data)).length;
}

/** The fields of a payload at any depth, each with the type of its value. */
export function shapeOf(value: Json): object {
  if (Array.isArray(value)) return value.length === 0 ? { '[]': 'empty' } : { '[]': shapeOf(value[0] as Json) };
  if (value === null || typeof value !== 'object') return { '=': value === null ? 'null' : typeof value };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member as Json)]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Everything that can happen between a partner and its customers, sent as commands. The story below is frozen. Events
 * that came after it occur at the end, by the examples of their commands.
 */
export async function chronicle(): Promise<readonly RecordedEvent[]> {
  const store = inMemoryEventStore();
  const { handle } = new CommandLoop({
    streams: new FoldedStreams({
      store,
      decider: customerRelationship,
      codec: relationshipCodec,
      summaryOf: relationshipSummary,
    }),
    seal,
  });
  const fabrikam = 'c1000000-0000-4000-8000-000000000001';
  const tailspin = 'c2000000-0000-4000-8000-000000000002';
  const user = partnerUser('GlobalAdmin', 'AdminAgent');
  let sent = 0;

  async function send<N extends CommandName>(
    at: string,
    type: N,
    data: RelationshipCommands[N],
    sender: Sender = {},
  ): Promise<void> {
    const outcome = await attempt(at, { type, data } as MessageOf<RelationshipCommands>, sender);
    if (outcome.outcome !== 'accepted') throw new Error(`${type} at ${at}: ${JSON.stringify(outcome)}`);
  }

  function attempt(
    at: string,
    command: MessageOf<RelationshipCommands>,
    { customerId = fabrikam, actor = user }: Sender,
  ): ReturnType<typeof handle> {
    sent++;
    return handle({
      stream: relationshipStream(partner.tenantId, customerId),
      command,
      metadata: {
        actor,
        causationId: idOf(sha256(`correlation ${sent}`)),
        correlationId: idOf(sha256(`correlation ${sent}`)),
        commandId: idOf(sha256(`command ${sent}`)),
        commandHash: sha256(canonicalJson(command)),
        comment: 'Agreed with the customer by phone',
        policy: { name: policyOf2020.name, hash: policyHash(policyOf2020) },
      },
      now: `${at}T09:00:00.000Z`,
      contextAt: (time): Context => ({ ...context, now: time, customerId, actor }),
    });
  }

  const relayed = { userId: 'chris', globalAdmin: true };
  const app = { actor: partnerApp('AdminAgent') };
  const price = { minorUnits: 12_000, currency: 'USD' };
  const customer = { name: 'Fabrikam', domain: 'fabrikam.example' };

  await send('2023-09-01', 'RequestResellerRelationship', {
    customer,
    market: 'US',
    delegatedAdmin: true,
    indirectResellerId: reseller.tenantId,
  });
  await send('2023-09-02', 'AcceptResellerRelationship', { acceptedBy: relayed }, app);
  await send('2023-09-02', 'ConfirmCustomerAgreement', {});
  await send('2023-09-03', 'UpdateCustomerProfile', { name: 'Fabrikam Inc.', domain: 'fabrikam.test' });

  const licence = { quantity: 10, termDuration: 'P1Y', billingCycle: 'monthly', price, provisioned: true } as const;
  const legacy = { ...licence, kind: 'legacy', offerId: 'offer-legacy' } as const;
  await send('2023-09-04', 'PurchaseSubscription', { ...legacy, subscriptionId: 'base', name: 'Office 365 E3' });
  await send('2023-09-04', 'PurchaseSubscription', {
    ...legacy,
    subscriptionId: 'add-on',
    name: 'Audio Conferencing',
    baseSubscriptionId: 'base',
    cancellationAllowedUntil: '2023-09-18T09:00:00.000Z',
  });
  await send('2023-09-05', 'SuspendSubscription', { subscriptionId: 'base', reason: 'nonPayment' });
  await send('2023-09-06', 'ReactivateSubscription', { subscriptionId: 'base' });
  await send('2023-09-07', 'AssignSupportContact', { subscriptionId: 'base', contact: reseller });
  await send('2023-09-08', 'WithdrawSupportContact', { subscriptionId: 'base' });

  const newCommerce = { ...licence, kind: 'newCommerce', offerId: 'offer-nce' } as const;
  await send('2023-09-09', 'PurchaseSubscription', { ...newCommerce, subscriptionId: 'nce', name: 'Microsoft 365' });
  await send('2023-09-10', 'ChangeSubscriptionQuantity', { subscriptionId: 'nce', quantity: 12 });
  await send('2023-09-11', 'SetAutoRenew', { subscriptionId: 'nce', autoRenew: false });
  await send('2023-09-12', 'SetAutoRenew', { subscriptionId: 'nce', autoRenew: true });
  await send('2023-09-13', 'ScheduleSubscriptionChange', {
    subscriptionId: 'nce',
    change: { quantity: 15, termDuration: 'P3Y', offerId: 'offer-nce-2' },
    billingCycle: 'annual',
  });
  await send('2023-09-14', 'PurchaseSubscription', { ...newCommerce, subscriptionId: 'nce-2', name: 'Teams' });
  await send('2023-09-14', 'ScheduleSubscriptionChange', { subscriptionId: 'nce-2', change: { quantity: 1 } });
  await send('2023-09-15', 'SuspendSubscription', { subscriptionId: 'nce-2', reason: 'customerRequest' });
  await send('2023-09-16', 'CancelSubscription', { subscriptionId: 'nce-2' });

  await send('2023-09-17', 'PurchaseSubscription', {
    ...licence,
    kind: 'marketplace',
    offerId: 'offer-saas',
    subscriptionId: 'saas',
    name: 'Mail signatures',
  });
  await send('2023-10-17', 'CancelSubscription', { subscriptionId: 'saas' });

  await send('2023-10-18', 'PurchaseSubscription', {
    kind: 'azurePlan',
    offerId: 'offer-azure',
    subscriptionId: 'plan',
    name: 'Azure plan',
    quantity: 1,
    provisioned: true,
  });
  await send('2023-10-19', 'AddAzureSubscription', {
    subscriptionId: 'plan',
    azureSubscriptionId: 'azure-1',
    name: 'Production',
  });
  await send('2023-10-20', 'CancelAzureSubscription', {
    subscriptionId: 'plan',
    azureSubscriptionId: 'azure-1',
    reason: 'compromise',
  });

  for (const reservationId of ['ri-confirmed', 'ri-refused'])
    await send('2023-10-21', 'PurchaseReservation', {
      reservationId,
      reservationOrderId: `order-of-${reservationId}`,
      name: 'Virtual machines',
      product: 'virtualMachine',
      quantity: 2,
      termDuration: 'P1Y',
      commitmentUsdCents: 1_000_000,
      price,
    });
  await send('2023-10-22', 'CancelReservation', { reservationId: 'ri-confirmed' });
  await send('2023-10-23', 'ConfirmReservationCancellation', {
    reservationId: 'ri-confirmed',
    fee: { minorUnits: 0, currency: 'USD' },
    refund: price,
  });
  await send('2023-10-24', 'CancelReservation', { reservationId: 'ri-refused' });
  await send('2023-10-25', 'RefuseReservationCancellation', { reservationId: 'ri-refused', reason: 'notEligible' });
  await send('2023-10-25', 'ChangeReservationOwners', { reservationId: 'ri-refused', owners: ['grace'] });

  for (const purchaseId of ['sw-cancelled', 'sw-expired', 'sw-renewed'])
    await send('2023-10-26', 'PurchaseSoftware', {
      purchaseId,
      kind: 'subscription',
      publisher: 'microsoft',
      name: 'Windows Server',
      lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1, price }],
      termDuration: 'P1Y',
      autoRenew: purchaseId === 'sw-renewed',
    });
  await send('2023-10-27', 'CancelSoftwarePurchase', { purchaseId: 'sw-cancelled' });
  await send('2023-10-28', 'PurchaseSavingsPlan', {
    savingsPlanId: 'sp-1',
    name: 'Compute',
    termDuration: 'P1Y',
    hourlyCommitment: price,
  });

  const request = { roles: ['role-reader', 'role-helpdesk'], durationDays: 365, autoExtendDays: 180 } as const;
  await send('2023-11-01', 'RequestDelegatedAdmin', { ...request, grantId: 'grant-1', name: 'Helpdesk' });
  await send('2023-11-02', 'UpdateDelegatedAdminRequest', {
    grantId: 'grant-1',
    name: 'Helpdesk 2024',
    roles: ['role-reader', 'role-helpdesk', 'role-users'],
    durationDays: 180,
    autoExtendDays: 0,
  });
  await send('2023-11-03', 'LockDelegatedAdminForApproval', { grantId: 'grant-1' });
  await send('2023-11-04', 'ApproveDelegatedAdmin', { grantId: 'grant-1', approvedBy: relayed }, app);
  const access = { grantId: 'grant-1', assignmentId: 'access-1' };
  await send('2023-11-05', 'AssignAccess', { ...access, groupId: 'group-1', roles: ['role-reader'] });
  await send('2023-11-06', 'AssignAccess', { ...access, groupId: 'group-1', roles: ['role-users'] });
  await send('2023-11-07', 'RemoveAccess', access);
  await send('2023-11-08', 'UpdateDelegatedAdminRequest', { grantId: 'grant-1', autoExtendDays: 180 });
  await send('2023-11-11', 'RequestDelegatedAdmin', { ...request, grantId: 'grant-2', name: 'Backup' });
  await send('2024-02-10', 'ExpireDelegatedAdmin', { grantId: 'grant-2' });
  for (const grantId of ['grant-deleted', 'grant-withdrawn'])
    await send('2024-02-11', 'RequestDelegatedAdmin', { ...request, grantId, name: grantId });
  await send('2024-02-12', 'DeleteDelegatedAdminRequest', { grantId: 'grant-deleted' });
  await send('2024-02-12', 'LockDelegatedAdminForApproval', { grantId: 'grant-withdrawn' });
  await send('2024-02-13', 'WithdrawDelegatedAdminRequest', { grantId: 'grant-withdrawn' });
  await send('2024-05-03', 'ExtendDelegatedAdmin', { grantId: 'grant-1' });
  await send(
    '2024-05-04',
    'TerminateDelegatedAdmin',
    { grantId: 'grant-1' },
    { actor: customerUser('CustomerGlobalAdmin') },
  );

  // A year later the clock's commands follow.
  await send('2024-09-05', 'EndSubscriptionTerm', { subscriptionId: 'base' });
  await send('2024-09-10', 'RenewSubscription', { subscriptionId: 'nce' });
  await send('2024-09-18', 'EndSubscriptionTerm', { subscriptionId: 'saas' });
  await send('2024-10-22', 'ExpireReservation', { reservationId: 'ri-refused' });
  await send('2024-10-27', 'ExpireSoftware', { purchaseId: 'sw-expired' });
  await send('2024-10-27', 'RenewSoftware', { purchaseId: 'sw-renewed' });
  for (const autoRenew of [false, true])
    await send('2024-10-27', 'SetSoftwareAutoRenew', { purchaseId: 'sw-renewed', autoRenew });
  await send('2024-10-28', 'CancelSoftwarePurchase', { purchaseId: 'sw-renewed' });
  for (const subscriptionId of ['order-failed', 'order-cancelled']) {
    const order = { ...newCommerce, subscriptionId, name: 'Visio', provisioned: false };
    await send('2024-10-28', 'PurchaseSubscription', order);
  }
  await send('2024-10-28', 'FailSubscriptionProvisioning', { subscriptionId: 'order-failed' });
  await send('2024-10-28', 'CancelSubscriptionProvisioning', { subscriptionId: 'order-cancelled' });
  await send('2024-10-29', 'ExpireSavingsPlan', { savingsPlanId: 'sp-1' });
  await send('2024-11-01', 'AdvanceSubscriptionRetention', { subscriptionId: 'base' });
  await send('2025-02-01', 'AdvanceSubscriptionRetention', { subscriptionId: 'base' });
  await send('2025-02-02', 'SuspendSubscription', { subscriptionId: 'nce', reason: 'migration' });
  await send('2025-02-02', 'SuspendSubscription', { subscriptionId: 'plan', reason: 'migration' });
  await send('2025-02-03', 'RemoveResellerRelationship', { noticeGiven: true });

  const other = { customerId: tailspin };
  const invitation = { customer, market: 'US' };
  await send('2025-03-01', 'RequestResellerRelationship', invitation, other);
  await send('2025-03-02', 'DeclineResellerRelationship', { declinedBy: relayed }, { ...other, ...app });
  await send('2025-03-03', 'RequestResellerRelationship', invitation, other);
  await send('2025-03-04', 'WithdrawRelationshipRequest', {}, other);
  await send('2025-03-05', 'RequestResellerRelationship', invitation, other);
  await send('2025-06-05', 'ExpireRelationshipRequest', {}, other);

  const recorded = async (...customers: readonly string[]) => {
    const streams = customers.map((customerId) => relationshipStream(partner.tenantId, customerId));
    return (await Promise.all(streams.map((stream) => store.read(stream)))).flat();
  };
  const story = await recorded(fabrikam, tailspin);
  const wanted = namesMissingIn(story);
  if (wanted.length === 0) return story;

  const adatum = { customerId: 'c3000000-0000-4000-8000-000000000003' };
  await send('2025-07-01', 'RequestResellerRelationship', invitation, adatum);
  await send('2025-07-01', 'AcceptResellerRelationship', { acceptedBy: relayed }, { ...adatum, ...app });
  await send('2025-07-01', 'ConfirmCustomerAgreement', {}, adatum);
  const senderOf = ({ type }: MessageOf<RelationshipCommands>) =>
    commands[type].right.customer ? customerUser('CustomerGlobalAdmin') : user;
  const able = commandNames.filter((name) => {
    const { emits, brings = [] } = commands[name];
    return [...emits, ...brings].some((event) => wanted.includes(event));
  });
  for (const name of able)
    await attempt('2025-07-02', anyCommand[name], { ...adatum, actor: senderOf(anyCommand[name]) });

  // Where the examples as they stand are refused, what they are about is not there: random commands bring it about. A
  // removal would end it before it is used.
  const toSay = fc.oneof(
    utterancesAbout(/^(?!RemoveResellerRelationship$)/),
    utterancesAbout(new RegExp(`^(${able.join('|')})$`)),
  );
  for (const [index, utterance] of fc.sample(toSay, { seed: 20_200_600, numRuns: 4_000 }).entries()) {
    const log = await recorded(adatum.customerId);
    if (wanted.every((name) => log.some(({ type }) => type === name))) break;
    const at = addDays('2025-07-02T09:00:00.000Z', index / 10).slice(0, 10);
    const state = fold(customerRelationship, log as unknown as readonly MessageOf<RelationshipEvents>[]);
    const command = commandSaid(utterance, circumstancesOf(state, Date.parse(at)));
    await attempt(at, command, { ...adatum, actor: senderOf(command) });
  }
  return [...story, ...(await recorded(adatum.customerId))];
}

function namesMissingIn(log: readonly RecordedEvent[]): string[] {
  const occurred = new Set(log.map(({ type }) => type));
  return Object.keys(customerRelationship.evolve).filter((type) => !occurred.has(type));
}

/** What has no example yet, of its schema number today, as it stands in the log; and the names that the log lacks. */
export async function examplesMissingIn(examples: readonly RecordedEvent[]) {
  const log = await chronicle();
  const isMissing = ({ type, metadata: { schema } }: RecordedEvent) =>
    !examples.some((example) => example.type === type && example.metadata.schema === schema);
  return { found: fullest(log).filter(isMissing), unheardOf: namesMissingIn([...log, ...examples]) };
}
