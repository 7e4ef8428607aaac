import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  canonicalJson,
  commandHandler,
  expectedHash,
  idOf,
  inMemoryEventStore,
  noPreviousHash,
  UnreadableEvent,
  type Json,
  type MessageOf,
  type RecordedEvent,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import { roles, type Actor } from './parties.js';
import { policyHash } from './policy.js';
import { relationshipSummary } from './state.js';
import {
  adminRequested,
  contactAssigned,
  context,
  customerUser,
  established,
  now,
  partner,
  partnerApp,
  partnerUser,
  policyOf2020,
  purchased,
  reseller,
  spec,
} from './testing.js';

/** One event of each name as production wrote it, never to be edited: what is in the log can be read for ever. */
const examples = JSON.parse(
  readFileSync(new URL('./event-examples.json', import.meta.url), 'utf8'),
) as readonly RecordedEvent[];
const exampleOf = (type: string) => examples.find((example) => example.type === type);

describe('The examples of events', () => {
  it.each(examples.map((example) => [example.type, example] as const))('%s is read', (type, example) => {
    expect(relationshipCodec.decode(example)).toEqual({ type, data: example.data });
  });

  it.each(examples.map((example) => [example.type, example] as const))(
    '%s has the hash and id it asks for',
    (_, example) => {
      expect(expectedHash(example)).toBe(example.metadata.hash);
      expect(idOf(example.metadata.hash)).toBe(example.id);
    },
  );

  it('are one for each event of the catalogue', () => {
    const inCatalogue = Object.keys(customerRelationship.evolve);
    expect(examples.map(({ type }) => type).sort()).toEqual(inCatalogue.sort());
  });
});

describe('The events written today', () => {
  let log: readonly RecordedEvent[];
  // Each anew: what runs before all of them belongs to no test, and mutation testing would run everything for it.
  beforeEach(async () => {
    log = await chronicle();
  });

  it('are all there, each with every field that it can have in the example', () => {
    // What is missing is printed as it would have to be checked in.
    const missing = fullest(log).filter(({ type }) => !exampleOf(type));
    expect(missing).toEqual([]);
    expect(new Set(log.map(({ type }) => type))).toEqual(new Set(examples.map(({ type }) => type)));
  });

  it('have the fields of the examples; others are another schema with a number and a step of its own', () => {
    const current = fullest(log).filter(
      ({ type }) => exampleOf(type)?.metadata.schema === relationshipCodec.schemaOf(type),
    );
    expect(current.length).toBeGreaterThan(0);
    for (const { type, data } of current)
      expect({ type, ...shapeOf(data) }).toEqual({ type, ...shapeOf(exampleOf(type)!.data) });
  });

  it('have the metadata of the examples, and the name of the command, which came later', () => {
    const shapes = (metadata: readonly object[]) =>
      [...new Set(metadata.map((each) => canonicalJson(shapeOf(each as unknown as Json))))].sort();
    const today = fullest(log).map(({ metadata }) => metadata);
    expect(shapes(today.map(({ command: _, ...rest }) => rest))).toEqual(
      shapes(examples.map(({ metadata }) => metadata)),
    );
    expect(shapes(today)).toEqual(shapes(examples.map(({ metadata }) => ({ ...metadata, command: 'Any' }))));
  });

  it('form a chain of hashes in each stream', () => {
    for (const [index, event] of log.entries()) {
      expect(expectedHash(event)).toBe(event.metadata.hash);
      const previous = log.slice(0, index).findLast(({ stream }) => stream === event.stream);
      expect(event.metadata.previousHash).toBe(previous?.metadata.hash ?? noPreviousHash);
    }
  });
});

describe('An event of another time', () => {
  const example = exampleOf('SubscriptionSuspended')!;

  it('is refused loudly when this release does not know its name or its schema', () => {
    expect(() => relationshipCodec.decode({ ...example, type: 'SubscriptionPaused' })).toThrow(UnreadableEvent);
    for (const schema of [0, 2])
      expect(() => relationshipCodec.decode({ ...example, metadata: { ...example.metadata, schema } })).toThrow(
        UnreadableEvent,
      );
  });
});

describe('The largest removal that the limits allow', () => {
  // What KurrentDB takes in one append unless told otherwise: data, metadata and, in two bytes a character, types.
  const oneMebibyte = 1024 * 1024;
  const { designations, grants } = policyOf2020.limits;
  const longestId = (number: number) => String(number).padStart(64, 'i');
  // Four bytes each in UTF-8, the most that a character takes.
  const text = (length: number) => '𠀋'.repeat(length);

  it('fits one append', () => {
    const contact = { tenantId: reseller.tenantId, partnerId: longestId(0), name: text(120) };
    const history = given(designations, (index) => [
      purchased(longestId(index), { kind: 'legacy' }),
      contactAssigned(longestId(index), { contact }),
    ]);
    const requests = given(grants, (index) => [adminRequested(longestId(index), { name: text(50) })]);
    const suspended = given(designations, (index) => [
      {
        type: 'SubscriptionSuspended' as const,
        data: { subscriptionId: longestId(index), reason: 'nonPayment' as const, suspendedAt: now },
      },
    ]);
    const state = spec.given(...established, ...history, ...suspended, ...requests).state();
    const events = customerRelationship.decide.RemoveResellerRelationship(state, { noticeGiven: true }, context);
    expect(events).toHaveLength(1 + designations + grants);

    const metadata = {
      actor: { id: 'u'.repeat(128), kind: 'partnerUser', roles, tenant: partner.tenantId },
      causationId: longestId(0),
      correlationId: longestId(0),
      commandId: longestId(0),
      commandHash: 'f'.repeat(64),
      policy: { name: policyOf2020.name, hash: policyHash(policyOf2020) },
      recordedAt: now,
      schema: 1,
    };
    const sealed = seal(
      relationshipStream(partner.tenantId, context.customerId),
      1_000_000,
      noPreviousHash,
      events.map(({ type, data }, index) => ({
        type,
        data: data as Json,
        metadata: { ...metadata, ...(index === 0 ? { comment: text(1000) } : {}) },
      })),
    );
    const sizeOf = (json: unknown) => Buffer.byteLength(JSON.stringify(json));
    const bytes = sealed
      .map(({ type, data, metadata }) => sizeOf(data) + sizeOf(metadata) + 2 * type.length)
      .reduce((sum, size) => sum + size);
    expect(bytes).toBeLessThan(oneMebibyte);
    // Neither is the bound needlessly far away: the limits are about this size.
    expect(bytes).toBeGreaterThan(oneMebibyte / 2);
  });

  function given<Event>(count: number, make: (index: number) => readonly Event[]): Event[] {
    return Array.from({ length: count }, (_, index) => make(index)).flat();
  }
});

/** The event of each name that says the most. */
function fullest(log: readonly RecordedEvent[]): RecordedEvent[] {
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
function shapeOf(value: Json): object {
  if (Array.isArray(value)) return value.length === 0 ? { '[]': 'empty' } : { '[]': shapeOf(value[0] as Json) };
  if (value === null || typeof value !== 'object') return { '=': value === null ? 'null' : typeof value };
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member as Json)]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Everything that can happen between a partner and two customers, sent as commands; every event occurs. */
async function chronicle(): Promise<readonly RecordedEvent[]> {
  const store = inMemoryEventStore();
  const { handle } = commandHandler({
    store,
    decider: customerRelationship,
    codec: relationshipCodec,
    seal,
    summaryOf: relationshipSummary,
  });
  const fabrikam = 'c1000000-0000-4000-8000-000000000001';
  const tailspin = 'c2000000-0000-4000-8000-000000000002';
  const user = partnerUser('GlobalAdmin', 'AdminAgent');
  let sent = 0;

  async function send<N extends keyof RelationshipCommands>(
    at: string,
    type: N,
    data: RelationshipCommands[N],
    { customerId = fabrikam, actor = user }: { readonly customerId?: string; readonly actor?: Actor } = {},
  ): Promise<void> {
    const command = { type, data } as MessageOf<RelationshipCommands>;
    sent++;
    const outcome = await handle({
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
    if (outcome.outcome !== 'accepted') throw new Error(`${type} at ${at}: ${JSON.stringify(outcome)}`);
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

  for (const purchaseId of ['sw-cancelled', 'sw-expired'])
    await send('2023-10-26', 'PurchaseSoftware', {
      purchaseId,
      kind: 'subscription',
      publisher: 'microsoft',
      name: 'Windows Server',
      lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1, price }],
      termDuration: 'P1Y',
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
  await send('2023-11-09', 'ExtendDelegatedAdmin', { grantId: 'grant-1' });
  await send(
    '2023-11-10',
    'TerminateDelegatedAdmin',
    { grantId: 'grant-1' },
    { actor: customerUser('CustomerGlobalAdmin') },
  );
  await send('2023-11-11', 'RequestDelegatedAdmin', { ...request, grantId: 'grant-2', name: 'Backup' });
  await send('2024-02-10', 'ExpireDelegatedAdmin', { grantId: 'grant-2' });

  // A year later the clock has its say.
  await send('2024-09-05', 'EndSubscriptionTerm', { subscriptionId: 'base' });
  await send('2024-09-10', 'RenewSubscription', { subscriptionId: 'nce' });
  await send('2024-09-18', 'EndSubscriptionTerm', { subscriptionId: 'saas' });
  await send('2024-10-22', 'ExpireReservation', { reservationId: 'ri-refused' });
  await send('2024-10-27', 'ExpireSoftware', { purchaseId: 'sw-expired' });
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

  const streams = [fabrikam, tailspin].map((customerId) => relationshipStream(partner.tenantId, customerId));
  return (await Promise.all(streams.map((stream) => store.read(stream)))).flat();
}
