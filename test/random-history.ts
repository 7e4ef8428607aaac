import {
  addDays,
  customerRelationship,
  defaultPolicy,
  policyHash,
  relationshipCodec,
  relationshipSummary,
  relationshipStream,
  reservationProducts,
  subscriptionKinds,
  type Actor,
  type CustomerRelationship,
  type Partner,
  type RelationshipCommands,
} from '#customer-relationship';
import { CommandLoop, FoldedStreams, type EventStore, type Frozen, type MessageOf } from '#event-sourcing';
import { sealOfRelease } from '../apps/server/src/event-check.js';

// Random histories: random commands, most of them on something that exists, are sent to the real decider; what it accepts
// is the history.

export type Random = () => number;

/** Mulberry32: the same seed, the same history. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const guid = (kind: string, index: number) => `${kind}${String(index).padStart(7, '0')}-0000-4000-8000-000000000000`;

const resellers = [0, 1].map((index) => ({
  tenantId: guid('b', index),
  partnerId: `222222${index}`,
  name: `Reseller ${index}`,
}));
export const partners: readonly Partner[] = [0, 1].map((index) => ({
  tenantId: guid('a', index),
  partnerId: `111111${index}`,
  name: `Partner ${index}`,
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers,
}));
export const customers: readonly string[] = [0, 1, 2].map((index) => guid('c', index));

type Command = MessageOf<RelationshipCommands>;
type State = Frozen<CustomerRelationship>;

export interface RandomHistory {
  /** Sends random commands, each to a pair of {@link partners} and {@link customers}; answers the time of the last. */
  readonly append: (commands: number) => Promise<string>;
}

export function randomHistory(store: EventStore, random: Random): RandomHistory {
  const { handle, ask } = new CommandLoop({
    streams: new FoldedStreams({
      store,
      decider: customerRelationship,
      codec: relationshipCodec,
      summaryOf: relationshipSummary,
    }),
    seal: sealOfRelease,
  });
  const policy = { name: defaultPolicy.name, hash: policyHash(defaultPolicy) };
  let now = '2026-01-10T09:00:00.000Z';
  let sent = 0;

  async function sendOne(): Promise<void> {
    const index = sent++;
    const partner = oneOf(random, partners);
    const customerId = oneOf(random, customers);
    const stream = relationshipStream(partner.tenantId, customerId);
    now = addDays(now, random() < 0.02 ? Math.floor(random() * 200) : random() / 2);
    // The cached state changes later, so the command is chosen while the loop holds it.
    const command = await ask(stream, (state) => randomCommand(random, state, index, partner));
    const actor = actorOf(command, partner, customerId);
    const commandId = `command-${index}`;
    await handle({
      stream,
      command,
      metadata: { actor, causationId: commandId, commandHash: commandId, commandId, correlationId: commandId, policy },
      now,
      contextAt: (at) => ({ now: at, actor, policy: defaultPolicy, partner, customerId }),
    });
  }

  return {
    async append(commands) {
      for (let index = 0; index < commands; index++) await sendOne();
      return now;
    },
  };
}

const byCustomer = ['AcceptResellerRelationship', 'DeclineResellerRelationship', 'ApproveDelegatedAdmin'];

function actorOf(command: Command, partner: Partner, customerId: string): Actor {
  return byCustomer.includes(command.type)
    ? { id: 'chris', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId }
    : { id: 'ada', kind: 'partnerUser', roles: ['GlobalAdmin', 'AdminAgent'], tenant: partner.tenantId };
}

function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

function randomCommand(random: Random, state: State, index: number, partner: Partner): Command {
  const chance = (probability: number) => random() < probability;
  const pick = <T>(...values: readonly T[]) => oneOf(random, values);
  // Mostly new items, because old ones have mostly ended.
  const someOf = (items: ReadonlyMap<string, unknown>) =>
    oneOf(random, chance(0.7) && items.size > 0 ? [...items.keys()].slice(-3) : [...items.keys(), 'nowhere']);
  const name = pick('Äpfel', 'apples', 'Zebra', 'Straße', 'Windows 365', 'x');
  const subscriptionId = someOf(state.subscriptions);
  const reservationId = someOf(state.reservations);
  const purchaseId = someOf(state.software);
  const savingsPlanId = someOf(state.savingsPlans);
  const grantId = someOf(state.grants);
  const termDuration = pick('P1M' as const, 'P1Y' as const, 'P3Y' as const);
  const long = pick('P1Y' as const, 'P3Y' as const);
  const price = { minorUnits: Math.floor(random() * 1e6), currency: pick('USD', 'EUR') };

  if (state.status !== 'active' && chance(0.6))
    return state.request && chance(0.8)
      ? chance(0.8)
        ? { type: 'AcceptResellerRelationship', data: {} }
        : pick<Command>(
            { type: 'DeclineResellerRelationship', data: {} },
            { type: 'WithdrawRelationshipRequest', data: {} },
            { type: 'ExpireRelationshipRequest', data: {} },
          )
      : {
          type: 'RequestResellerRelationship',
          data: {
            customer: { name, ...(chance(0.5) ? { domain: `${index}.example` } : {}) },
            market: 'US',
            ...(chance(0.5) ? { indirectResellerId: pick(...partner.resellers).tenantId } : {}),
          },
        };
  if (state.status === 'active' && !state.agreementConfirmedAt && chance(0.7))
    return { type: 'ConfirmCustomerAgreement', data: {} };
  // Purchases are fewer than the commands on them.
  if (chance(0.25)) {
    const kind = pick(...subscriptionKinds);
    return pick<() => Command>(
      () => ({
        type: 'PurchaseSubscription',
        data: {
          subscriptionId: `s-${index}`,
          kind,
          offerId: `offer-${index}`,
          name,
          quantity: 1 + Math.floor(random() * 9),
          provisioned: chance(0.8),
          ...(kind === 'azurePlan' ? {} : { termDuration, billingCycle: pick('monthly' as const, 'annual' as const) }),
          ...(kind === 'newCommerce' || kind === 'legacy' ? { trial: chance(0.2) } : {}),
          ...(chance(0.2) ? { baseSubscriptionId: subscriptionId } : {}),
          ...(chance(0.5) ? { price } : {}),
        },
      }),
      () => ({
        type: 'PurchaseReservation',
        data: {
          reservationId: `r-${index}`,
          name,
          product: pick(...reservationProducts),
          quantity: 1,
          termDuration: long,
          commitmentUsdCents: Math.floor(random() * 1e6),
        },
      }),
      () => ({
        type: 'PurchaseSoftware',
        data: {
          purchaseId: `p-${index}`,
          kind: pick('perpetual' as const),
          publisher: pick('microsoft' as const, 'suse' as const),
          name,
          lineItems: [1, 2].map((line) => ({ lineItemId: `l-${line}`, name, quantity: line })),
        },
      }),
      () => ({
        type: 'PurchaseSoftware',
        data: {
          purchaseId: `p-${index}`,
          kind: 'subscription',
          publisher: 'microsoft',
          name,
          termDuration: long,
          lineItems: [{ lineItemId: 'l-1', name, quantity: 1 }],
        },
      }),
      () => ({
        type: 'PurchaseSavingsPlan',
        data: { savingsPlanId: `sp-${index}`, name, termDuration: long, hourlyCommitment: price },
      }),
      () => ({
        type: 'RequestDelegatedAdmin',
        data: {
          grantId: `g-${index}`,
          name,
          roles: pick(['reader'], ['reader', 'helpdesk']),
          durationDays: pick(10, 100, 700),
          autoExtendDays: pick(0, 180),
        },
      }),
      () => ({
        type: 'RecordLegacyDelegatedAdmin',
        data: { grantId: `dap-of-${index}`, effectiveAt: '2022-05-01T00:00:00.000Z' },
      }),
    )();
  }
  // Removals are rare, because a term must last long enough for things that take several steps.
  if (chance(0.01)) return { type: 'RemoveResellerRelationship', data: {} };
  const grant = state.grants.get(grantId);
  const assignments = grant?.kind === 'gdap' ? [...grant.accessAssignments.keys()] : [];
  if (chance(0.3)) return grantCommand();
  // Few of those that end what others need.
  if (chance(0.06))
    return pick<Command>(
      { type: 'FailSubscriptionProvisioning', data: { subscriptionId, reason: 'Out of stock' } },
      { type: 'CancelSubscriptionProvisioning', data: { subscriptionId } },
      { type: 'ChangeReservationOwners', data: { reservationId, owners: pick(['ada'], ['ada', 'grace']) } },
      { type: 'DeleteDelegatedAdminRequest', data: { grantId } },
      { type: 'WithdrawDelegatedAdminRequest', data: { grantId } },
    );
  const azure = [...(state.subscriptions.get(subscriptionId)?.azureSubscriptions.keys() ?? [])];
  return pick<Command>(
    { type: 'UpdateCustomerProfile', data: { name } },
    { type: 'UpdateCustomerProfile', data: { domain: `${index}.example` } },
    { type: 'ActivateSubscription', data: { subscriptionId } },
    { type: 'SuspendSubscription', data: { subscriptionId, reason: 'customerRequest' } },
    { type: 'SuspendSubscription', data: { subscriptionId, reason: 'nonPayment' } },
    { type: 'ReactivateSubscription', data: { subscriptionId } },
    { type: 'CancelSubscription', data: { subscriptionId } },
    { type: 'SetAutoRenew', data: { subscriptionId, autoRenew: chance(0.5) } },
    { type: 'ChangeSubscriptionQuantity', data: { subscriptionId, quantity: 1 + Math.floor(random() * 9) } },
    {
      type: 'ScheduleSubscriptionChange',
      data: { subscriptionId, change: { quantity: 3 }, ...(chance(0.5) ? { billingCycle: 'annual' as const } : {}) },
    },
    { type: 'RenewSubscription', data: { subscriptionId } },
    { type: 'EndSubscriptionTerm', data: { subscriptionId } },
    { type: 'AdvanceSubscriptionRetention', data: { subscriptionId } },
    { type: 'AddAzureSubscription', data: { subscriptionId, azureSubscriptionId: `az-${index}`, name } },
    {
      type: 'CancelAzureSubscription',
      data: { subscriptionId, azureSubscriptionId: oneOf(random, [...azure, 'nowhere']), reason: 'compromise' },
    },
    { type: 'CancelReservation', data: { reservationId, settled: chance(0.5), exchange: chance(0.5) } },
    { type: 'ConfirmReservationCancellation', data: { reservationId, refund: price } },
    { type: 'RefuseReservationCancellation', data: { reservationId } },
    { type: 'ExpireReservation', data: { reservationId } },
    { type: 'CancelSoftwarePurchase', data: { purchaseId, ...(chance(0.5) ? { lineItemIds: ['l-1'] } : {}) } },
    { type: 'SetSoftwareAutoRenew', data: { purchaseId, autoRenew: chance(0.5) } },
    { type: 'RenewSoftware', data: { purchaseId } },
    { type: 'ExpireSoftware', data: { purchaseId } },
    { type: 'ExpireSavingsPlan', data: { savingsPlanId } },
    {
      type: 'AssignSupportContact',
      data: { subscriptionId, contact: contactOf(pick(partner, ...partner.resellers)) },
    },
    { type: 'WithdrawSupportContact', data: { subscriptionId } },
  );

  function grantCommand(): Command {
    const roles = grant?.kind === 'gdap' ? grant.roles : ['reader'];
    const assignmentId = chance(0.6) && assignments.length > 0 ? oneOf(random, assignments) : `aa-${index}`;
    if (grant?.status === 'active' && chance(0.7))
      return pick<Command>(
        {
          type: 'AssignAccess',
          data: { grantId, assignmentId, groupId: `group of ${assignmentId}`, roles: roles.slice(0, 1) },
        },
        { type: 'AssignAccess', data: { grantId, assignmentId, groupId: `group of ${assignmentId}`, roles } },
        { type: 'RemoveAccess', data: { grantId, assignmentId } },
      );
    return pick<Command>(
      { type: 'UpdateDelegatedAdminRequest', data: { grantId, name: `${name} ${index}`, roles: ['reader'] } },
      { type: 'UpdateDelegatedAdminRequest', data: { grantId, autoExtendDays: pick(0, 180) } },
      ...(grant?.status === 'created' || chance(0.1)
        ? Array<Command>(4).fill({ type: 'LockDelegatedAdminForApproval', data: { grantId } })
        : []),
      ...(grant?.status === 'approvalPending' || chance(0.1)
        ? Array<Command>(4).fill({ type: 'ApproveDelegatedAdmin', data: { grantId } })
        : []),
      { type: 'ExtendDelegatedAdmin', data: { grantId } },
      { type: 'TerminateDelegatedAdmin', data: { grantId } },
      { type: 'ExpireDelegatedAdmin', data: { grantId } },
    );
  }
}

function contactOf({ tenantId, partnerId, name }: { tenantId: string; partnerId: string; name: string }) {
  return { tenantId, partnerId, name };
}
