import fc, { type Arbitrary } from 'fast-check';
import type { Frozen, MessageOf } from '#event-sourcing';
import type { CommandName, RelationshipCommands } from './commands.js';
import { reservationProducts, softwarePublishers, subscriptionKinds } from './events.js';
import type { SupportContact } from './parties.js';
import type { CustomerRelationship } from './state.js';
import { partnerContact, policyOf2020, reseller } from './test-scenarios.js';

// Every command once, with valid data, and with the random values that sequences use in their place. Every test that
// tries all commands takes them from here: a new command needs its line in `commandExamples`.

/** An instant relative to the clock: a time before it, or at (or next to) some end that matters. */
export type Moment = { readonly back: number } | { readonly boundary: number; readonly offset: number };

/** An existing item by its place, or an id that is not used yet. */
type Choice = { readonly pool: Pool; readonly nth: number } | { readonly pool: Pool; readonly fresh: string };
export type Pool =
  | 'subscription'
  | 'legacy'
  | 'newCommerce'
  | 'azurePlan'
  | 'azure'
  | 'reservation'
  | 'software'
  | 'savingsPlan'
  | 'grant'
  | 'access';

/** A command whose ids are yet to be picked, and whose times are yet to be set against the clock. */
export interface Utterance {
  readonly type: CommandName;
  readonly data: Readonly<Record<string, unknown>>;
  readonly times?: Readonly<Record<string, Moment | undefined>>;
}

type Fields = Readonly<Record<string, Arbitrary<unknown>>>;
type Times = Readonly<Record<string, Arbitrary<Moment | undefined>>>;

interface Example<Data> {
  readonly data: Data;
  /** Random values of some fields, in one or several ways; other fields are as in `data`, and other ids exist. */
  readonly said?: Fields | readonly Fields[];
  readonly times?: Times;
}

const { constantFrom, boolean, nat, record, oneof, array } = fc;
const hour = 60 * 60 * 1000;
const day = 24 * hour;

/** Present in this percentage of cases, otherwise absent. */
export const inSome = <T>(percent: number, arbitrary: Arbitrary<T>): Arbitrary<T | undefined> =>
  oneof({ weight: percent, arbitrary }, { weight: 100 - percent, arbitrary: fc.constant(undefined) });
const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> => inSome(50, arbitrary);
export const rarely = <T>(usual: T, ...unusual: T[]): Arbitrary<T> =>
  oneof({ weight: 12, arbitrary: constantFrom(usual) }, { weight: 1, arbitrary: constantFrom(...unusual) });
const rarelyElse = <T>(usual: Arbitrary<T>, unusual: Arbitrary<T>): Arbitrary<T> =>
  oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: unusual });

/** Dates by which other systems mean “no date”: in the year 1, 1970, 2009, and far ahead. */
const sentinel: Arbitrary<Moment> = record({
  back: constantFrom(2_000, 53, 18, -11, -7_000).map((years) => years * 366 * day),
});
const moment: Arbitrary<Moment> = oneof(
  record({ back: constantFrom(0, 1, day, 30 * day, 150 * day, 366 * day, 700 * day) }),
  record({ boundary: nat(40), offset: constantFrom(-1, 0, 1) }),
);
const window: Arbitrary<Moment> = oneof(
  { weight: 12, arbitrary: record({ back: constantFrom(-400 * day, -day, -1, 0, 1) }) },
  { weight: 1, arbitrary: sentinel },
);
/** Before the end of any term, at some end, and after the end of a short one. */
const coTermed = inSome(
  15,
  oneof(
    { weight: 6, arbitrary: record({ back: constantFrom(-20 * day, -200 * day) }) },
    { weight: 6, arbitrary: window },
  ),
);
const past = inSome(
  40,
  oneof(
    { weight: 12, arbitrary: moment },
    { weight: 1, arbitrary: fc.constant({ back: -1 }) },
    { weight: 1, arbitrary: sentinel },
  ),
);

/** Of a fact that is reported late: mostly a time shortly before, or an end that may not have been recorded yet (rule T1a). */
const reportedLate = inSome(
  30,
  oneof(
    { weight: 6, arbitrary: record({ back: constantFrom(0, 1, hour, day, 8 * day, 31 * day) }) },
    { weight: 6, arbitrary: record({ boundary: nat(3), offset: constantFrom(-1, 0, 1) }) },
    { weight: 1, arbitrary: record({ back: constantFrom(-1, -day) }) },
    { weight: 1, arbitrary: sentinel },
  ),
);

const there = (pool: Pool): Arbitrary<Choice | string> =>
  oneof(
    { weight: 15, arbitrary: record({ pool: fc.constant(pool), nth: nat(2) }) },
    { weight: 1, arbitrary: fc.constant('unheard-of') },
  );
const unused = (pool: Pool): Arbitrary<Choice | string> =>
  oneof({ weight: 12, arbitrary: fc.constant({ pool, fresh: pool }) }, { weight: 1, arbitrary: there(pool) });

/** The default choice of each id. */
const ids: Fields = {
  subscriptionId: there('subscription'),
  azureSubscriptionId: there('azure'),
  reservationId: there('reservation'),
  purchaseId: there('software'),
  savingsPlanId: there('savingsPlan'),
  grantId: there('grant'),
  assignmentId: there('access'),
};

const stranger: SupportContact = {
  tenantId: 'd3000000-0000-4000-8000-000000000003',
  partnerId: '3333333',
  name: 'Elsewhere',
};
const { globalAdministratorRole } = policyOf2020.delegatedAdmin;
const grantRoles = rarely(
  ['role-a', 'role-b'],
  [globalAdministratorRole, 'role-a', 'role-b'],
  ['ROLE-A'],
  ['role-b'],
  [],
);
const termDuration = constantFrom('P1M', 'P1Y', 'P3Y');
const longTerm = constantFrom('P1Y', 'P3Y');
const billingCycle = constantFrom('monthly', 'annual');
const boughtBy = maybe(constantFrom('partner', 'customer'));
const relayed = constantFrom({ userId: 'chris', globalAdmin: true }, { userId: 'chris', globalAdmin: false });
const money = { minorUnits: 150, currency: 'USD' };
const grantName = rarely('One', 'Two', 'x'.repeat(50), '\u{1F310}'.repeat(50), 'x'.repeat(51), '  ');
const durationDays = rarely(90, 1, 730, 0, 731, 1.5);
const autoExtendDays = rarely(180, 0, 90);

const purchase: Fields = {
  subscriptionId: unused('subscription'),
  quantity: constantFrom(1, 5),
  billingCycle: maybe(billingCycle),
  boughtBy,
  provisioned: inSome(75, fc.constant(true)),
  termDuration: fc.constant(undefined),
};
const licences = (kind: 'legacy' | 'newCommerce'): Fields => ({
  ...purchase,
  kind: fc.constant(kind),
  termDuration,
  trial: inSome(20, fc.constant(true)),
  autoRenew: maybe(boolean()),
  baseSubscriptionId: inSome(30, rarelyElse(there(kind), ids['subscriptionId']!)),
});

export const commandExamples: { readonly [N in CommandName]: Example<RelationshipCommands[N]> } = {
  RequestResellerRelationship: {
    data: { customer: { name: 'Fabrikam' }, market: 'US' },
    said: {
      customer: constantFrom({ name: 'Fabrikam' }, { name: 'Fabrikam', domain: 'fabrikam.example' }),
      market: rarely('US', 'UM', 'DE', 'AT', 'NO', 'KE', 'BR'),
      delegatedAdmin: maybe(boolean()),
      indirectResellerId: maybe(rarely(reseller.tenantId, stranger.tenantId)),
    },
    times: { effectiveAt: past },
  },
  AcceptResellerRelationship: { data: {}, said: { acceptedBy: maybe(relayed) } },
  DeclineResellerRelationship: { data: {}, said: { declinedBy: maybe(relayed) } },
  WithdrawRelationshipRequest: { data: {} },
  ExpireRelationshipRequest: { data: {} },
  ConfirmCustomerAgreement: { data: {}, times: { agreedAt: past } },
  UpdateCustomerProfile: {
    data: { name: 'Fabrikam Inc.' },
    said: {
      name: maybe(constantFrom('Fabrikam', 'Fabrikam Europe')),
      domain: maybe(constantFrom('fabrikam.example', 'Fabrikam.Example', 'fabrikam.eu', '')),
    },
  },
  RemoveResellerRelationship: { data: {}, said: { noticeGiven: maybe(boolean()) } },

  PurchaseSubscription: {
    data: {
      subscriptionId: 'sub-1',
      kind: 'newCommerce',
      offerId: 'offer-1',
      name: 'Microsoft 365',
      quantity: 1,
      termDuration: 'P1Y',
    },
    said: [
      licences('legacy'),
      licences('legacy'),
      licences('newCommerce'),
      licences('newCommerce'),
      { ...purchase, kind: fc.constant('marketplace'), termDuration, autoRenew: maybe(boolean()) },
      { ...purchase, kind: fc.constant('azurePlan') },
      {
        ...purchase,
        kind: constantFrom(...subscriptionKinds),
        termDuration: maybe(termDuration),
        trial: maybe(boolean()),
        autoRenew: maybe(boolean()),
        baseSubscriptionId: maybe(ids['subscriptionId']!),
      },
    ],
    times: { effectiveAt: past, commitmentEndDate: coTermed, cancellationAllowedUntil: inSome(15, window) },
  },
  ActivateSubscription: { data: { subscriptionId: 'sub-1' }, times: { effectiveAt: reportedLate } },
  FailSubscriptionProvisioning: {
    data: { subscriptionId: 'sub-1' },
    said: { reason: maybe(fc.constant('Out of stock')) },
    times: { effectiveAt: reportedLate },
  },
  CancelSubscriptionProvisioning: { data: { subscriptionId: 'sub-1' }, times: { effectiveAt: reportedLate } },
  SuspendSubscription: {
    data: { subscriptionId: 'sub-1', reason: 'customerRequest' },
    times: { effectiveAt: reportedLate },
  },
  ReactivateSubscription: { data: { subscriptionId: 'sub-1' }, times: { effectiveAt: reportedLate } },
  CancelSubscription: { data: { subscriptionId: 'sub-1' }, times: { effectiveAt: reportedLate } },
  SetAutoRenew: {
    data: { subscriptionId: 'sub-1', autoRenew: false },
    said: { autoRenew: boolean() },
    times: { effectiveAt: reportedLate },
  },
  ChangeSubscriptionQuantity: {
    data: { subscriptionId: 'sub-1', quantity: 2 },
    said: { quantity: constantFrom(1, 5, 9) },
    times: { effectiveAt: reportedLate },
  },
  ScheduleSubscriptionChange: {
    data: { subscriptionId: 'sub-1', change: { quantity: 2 } },
    said: {
      change: maybe(
        record(
          { quantity: constantFrom(2, 7), termDuration, offerId: constantFrom('offer-2', 'offer-3') },
          { requiredKeys: [] },
        ),
      ),
      billingCycle: maybe(billingCycle),
    },
  },
  RenewSubscription: { data: { subscriptionId: 'sub-1' } },
  EndSubscriptionTerm: { data: { subscriptionId: 'sub-1' } },
  AdvanceSubscriptionRetention: { data: { subscriptionId: 'sub-1' } },
  AddAzureSubscription: {
    data: { subscriptionId: 'plan-1', azureSubscriptionId: 'azure-1', name: 'Production' },
    said: {
      subscriptionId: rarelyElse(there('azurePlan'), ids['subscriptionId']!),
      azureSubscriptionId: unused('azure'),
    },
  },
  CancelAzureSubscription: {
    data: { subscriptionId: 'plan-1', azureSubscriptionId: 'azure-1', reason: 'compromise' },
    said: {
      subscriptionId: there('azurePlan'),
      reason: rarely('compromise', 'boredom', 'other', 'customerRequest', 'nonPayment'),
    },
    times: { effectiveAt: reportedLate },
  },

  PurchaseReservation: {
    data: {
      reservationId: 'ri-1',
      name: 'Virtual machines',
      product: 'virtualMachine',
      quantity: 1,
      termDuration: 'P1Y',
      commitmentUsdCents: 1_000_000,
    },
    said: {
      reservationId: unused('reservation'),
      product: rarely('virtualMachine', ...reservationProducts),
      termDuration: longTerm,
      commitmentUsdCents: rarely(1_500_000, 0, 1_000_000, 2_500_000, 2_500_001, 5_000_000, 5_000_001, -1),
      owners: inSome(15, constantFrom(['grace', 'ada'], ['grace'], ['Grace'], ['sync'], [])),
      boughtBy,
    },
    times: { effectiveAt: past, commitmentEndDate: coTermed },
  },
  ChangeReservationOwners: {
    data: { reservationId: 'ri-1', owners: ['grace', 'ada'] },
    said: { owners: rarely(['ada'], ['grace', 'ada'], ['ADA', 'ada', 'Grace'], ['grace'], ['GRACE', 'ada'], []) },
    times: { effectiveAt: reportedLate },
  },
  CancelReservation: {
    data: { reservationId: 'ri-1' },
    said: { exchange: maybe(rarely(false, true)), settled: maybe(boolean()) },
    times: { effectiveAt: past },
  },
  ConfirmReservationCancellation: {
    data: { reservationId: 'ri-1' },
    said: { refund: maybe(fc.constant(money)) },
  },
  RefuseReservationCancellation: { data: { reservationId: 'ri-1' } },
  ExpireReservation: { data: { reservationId: 'ri-1' } },
  PurchaseSoftware: {
    data: {
      purchaseId: 'sw-1',
      kind: 'perpetual',
      publisher: 'microsoft',
      name: 'Windows Server',
      lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1 }],
    },
    said: {
      purchaseId: unused('software'),
      kind: constantFrom('perpetual', 'subscription'),
      publisher: rarely('microsoft', ...softwarePublishers),
      lineItems: rarely(['l1', 'l2', 'l3'], ['l1'], ['l1', 'l2', 'l1'], []).map((lines) =>
        lines.map((lineItemId) => ({ lineItemId, name: 'Server', quantity: 1 })),
      ),
      termDuration: maybe(longTerm),
      autoRenew: maybe(boolean()),
      boughtBy,
    },
    times: { effectiveAt: past, commitmentEndDate: coTermed, cancellationAllowedUntil: inSome(20, window) },
  },
  CancelSoftwarePurchase: {
    data: { purchaseId: 'sw-1' },
    said: {
      lineItemIds: inSome(
        70,
        rarelyElse(
          array(constantFrom<string[]>('l1', 'l2'), { minLength: 1, maxLength: 2 }),
          array(constantFrom<string[]>('l3', 'l9', 'l1')),
        ),
      ),
    },
    times: { effectiveAt: reportedLate },
  },
  SetSoftwareAutoRenew: {
    data: { purchaseId: 'sw-1', autoRenew: true },
    said: { autoRenew: boolean() },
    times: { effectiveAt: reportedLate },
  },
  RenewSoftware: { data: { purchaseId: 'sw-1' } },
  ExpireSoftware: { data: { purchaseId: 'sw-1' } },
  PurchaseSavingsPlan: {
    data: { savingsPlanId: 'sp-1', name: 'Compute', termDuration: 'P1Y', hourlyCommitment: money },
    said: { savingsPlanId: unused('savingsPlan'), termDuration: longTerm, boughtBy },
    times: { effectiveAt: past, commitmentEndDate: coTermed },
  },
  CancelSavingsPlan: { data: { savingsPlanId: 'sp-1' } },
  ExpireSavingsPlan: { data: { savingsPlanId: 'sp-1' } },

  AssignSupportContact: {
    data: { subscriptionId: 'sub-1', contact: partnerContact },
    said: {
      contact: constantFrom(
        partnerContact,
        reseller,
        reseller,
        stranger,
        { ...reseller, name: ' ' },
        { ...partnerContact, name: 'Litware' },
      ),
    },
  },
  WithdrawSupportContact: { data: { subscriptionId: 'sub-1' } },

  RecordLegacyDelegatedAdmin: {
    data: { grantId: 'dap', effectiveAt: '2022-05-01T00:00:00.000Z' },
    said: { grantId: rarelyElse(unused('grant'), constantFrom('dap-1', 'dap-2', 'dap-3')) },
    times: { effectiveAt: moment },
  },
  RequestDelegatedAdmin: {
    data: { grantId: 'grant-1', name: 'Helpdesk', roles: ['role-reader'], durationDays: 90 },
    said: {
      grantId: unused('grant'),
      name: grantName,
      roles: grantRoles,
      durationDays,
      autoExtendDays: maybe(autoExtendDays),
    },
    times: { effectiveAt: past },
  },
  UpdateDelegatedAdminRequest: {
    data: { grantId: 'grant-1', durationDays: 30 },
    said: {
      name: maybe(grantName),
      roles: maybe(grantRoles),
      durationDays: maybe(durationDays),
      autoExtendDays: maybe(autoExtendDays),
    },
    times: { effectiveAt: reportedLate },
  },
  LockDelegatedAdminForApproval: { data: { grantId: 'grant-1' } },
  DeleteDelegatedAdminRequest: { data: { grantId: 'grant-1' } },
  WithdrawDelegatedAdminRequest: { data: { grantId: 'grant-1' } },
  ApproveDelegatedAdmin: { data: { grantId: 'grant-1' }, said: { approvedBy: maybe(relayed) } },
  ExtendDelegatedAdmin: { data: { grantId: 'grant-1' } },
  TerminateDelegatedAdmin: { data: { grantId: 'grant-1' } },
  ExpireDelegatedAdmin: { data: { grantId: 'grant-1' } },
  AssignAccess: {
    data: { grantId: 'grant-1', assignmentId: 'access-1', groupId: 'group-1', roles: ['role-reader'] },
    said: {
      assignmentId: oneof(unused('access'), there('access')),
      groupId: constantFrom('group-1', 'GROUP-1', 'group-2', 'group-3', 'group-4'),
      roles: constantFrom(['role-a', 'role-b'], ['role-b'], ['ROLE-A'], [globalAdministratorRole], []),
    },
  },
  RemoveAccess: { data: { grantId: 'grant-1', assignmentId: 'access-1' } },
};

export const commandNames = Object.keys(commandExamples) as CommandName[];

/** Every command once, each with data that are legal by themselves. */
export const anyCommand = Object.fromEntries(
  commandNames.map((type) => [type, { type, data: commandExamples[type].data }]),
) as { readonly [N in CommandName]: MessageOf<RelationshipCommands, N> };

/** The random forms of a command. */
const utteranceOf = (type: CommandName): Arbitrary<Utterance> => {
  const { data, said = {}, times = {} }: Example<object> = commandExamples[type];
  const exact = Object.entries(data).map(([field, value]) => [field, ids[field] ?? fc.constant(value)] as const);
  return oneof(
    ...[said].flat().map((way) =>
      record({
        type: fc.constant(type),
        data: record({ ...Object.fromEntries(exact), ...way }),
        times: record({ ...times }),
      }),
    ),
  );
};
const utterances = new Map(commandNames.map((type) => [type, utteranceOf(type)]));

/** A random form of any command whose name matches. */
export function utterancesAbout(names: RegExp): Arbitrary<Utterance> {
  return oneof(...[...utterances].flatMap(([type, utterance]) => (names.test(type) ? [utterance] : [])));
}

/** What an utterance refers to: the existing ids, and the ends that matter, in milliseconds and in order. */
export interface Circumstances {
  readonly now: number;
  readonly ids: (pool: Pool) => readonly string[];
  readonly boundaries: readonly number[];
}

/** The command that an utterance becomes in some circumstances. */
export function commandSaid(
  { type, data, times = {} }: Utterance,
  around: Circumstances,
): MessageOf<RelationshipCommands> {
  const said: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(data)) said[field] = picked(value, around);
  for (const [field, at] of Object.entries(times))
    if (at !== undefined) said[field] = new Date(instantOf(at, around)).toISOString();
  // As a caller would send it: without undefined fields.
  return JSON.parse(JSON.stringify({ type, data: said })) as MessageOf<RelationshipCommands>;
}

function picked(value: unknown, { ids }: Circumstances): unknown {
  if (typeof value !== 'object' || value === null || !('pool' in value)) return value;
  const choice = value as Choice;
  const those = ids(choice.pool);
  if ('fresh' in choice) return `${choice.fresh}-${those.length + 1}`;
  return those.at(-1 - (choice.nth % Math.max(1, those.length))) ?? 'unheard-of';
}

function instantOf(at: Moment, { now, boundaries }: Circumstances): number {
  if ('back' in at) return now - at.back;
  const gone = boundaries.filter((time) => time <= now);
  return (gone.at(-1 - (at.boundary % Math.max(1, gone.length))) ?? now) + at.offset;
}

/** Those of a relationship at a time. */
export function circumstancesOf(state: Frozen<CustomerRelationship>, now: number): Circumstances {
  const { subscriptions, reservations, software, savingsPlans, grants } = state;
  const ofKind = (wanted: string) => [...subscriptions].flatMap(([id, { kind }]) => (kind === wanted ? [id] : []));
  const pools: Readonly<Record<Pool, () => readonly string[]>> = {
    subscription: () => [...subscriptions.keys()],
    legacy: () => ofKind('legacy'),
    newCommerce: () => ofKind('newCommerce'),
    azurePlan: () => ofKind('azurePlan'),
    azure: () => [...subscriptions.values()].flatMap(({ azureSubscriptions }) => [...azureSubscriptions.keys()]),
    reservation: () => [...reservations.keys()],
    software: () => [...software.keys()],
    savingsPlan: () => [...savingsPlans.keys()],
    grant: () => [...grants.keys()],
    access: () =>
      [...grants.values()].flatMap((grant) => (grant.kind === 'gdap' ? [...grant.accessAssignments.keys()] : [])),
  };
  const ends = [
    state.request?.expiresAt,
    ...[...subscriptions.values()].flatMap((each) => [
      each.termEndsAt,
      each.retainedUntil,
      each.cancellationAllowedUntil,
    ]),
    ...[...reservations.values(), ...savingsPlans.values()].map(({ expiresAt }) => expiresAt),
    ...[...software.values()].flatMap((each) => [each.expiresAt, each.cancellationAllowedUntil]),
  ];
  return {
    now,
    ids: (pool) => pools[pool](),
    boundaries: ends.flatMap((end) => (end === undefined ? [] : [Date.parse(end)])).sort((a, b) => a - b),
  };
}
