import { describe, expect, it } from '@jest/globals';
import {
  CommandLoop,
  FoldedStreams,
  decideOn,
  exactly,
  fold,
  inMemoryEventStore,
  type CommandRequest,
  type EventMetadata,
  type MessageOf,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import type { RelationshipEvents } from './events.js';
import { policies, policyHash, type Policy } from './policy.js';
import { removalBlockers, removalReadiness } from './removal.js';
import { settledState } from './settling.js';
import { initialState, relationshipSummary } from './state.js';
import {
  active,
  savingsPlanPurchased,
  softwarePurchased,
  reserved,
  adminRequested,
  adminActive,
  autoRenewDisabled,
  changeScheduled,
  contactAssigned,
  context,
  customerId,
  customerUser,
  established,
  laterPolicy,
  now,
  partner,
  policyOf2020,
  purchased,
  reactivated,
  removed,
  requested,
  spec,
  suspended,
} from './testing.js';

// T1: what dates have brought about is settled before a command is judged, by what held at the date.

const { given } = spec;
type Event = MessageOf<RelationshipEvents>;
type Command = MessageOf<RelationshipCommands>;

const id = 'sub-1';
const monthly = {
  termDuration: 'P1M',
  purchasedAt: '2025-10-01T00:00:00.000Z',
  termEndsAt: '2025-11-01T00:00:00.000Z',
} as const;
const termEndsAt = '2027-11-20T12:00:00.000Z';
const dayAfterTerm = '2027-11-21T12:00:00.000Z';

const suspend = { type: 'SuspendSubscription', data: { subscriptionId: id, reason: 'nonPayment' } } satisfies Command;
const cancel = { type: 'CancelSubscription', data: { subscriptionId: id } } satisfies Command;
const renew = { type: 'RenewSubscription', data: { subscriptionId: id } } satisfies Command;
const endTerm = { type: 'EndSubscriptionTerm', data: { subscriptionId: id } } satisfies Command;
const remove = { type: 'RemoveResellerRelationship', data: {} } satisfies Command;
const purchaseAddOn = (effectiveAt?: string) =>
  ({
    type: 'PurchaseSubscription',
    data: {
      subscriptionId: 'add-on',
      kind: 'legacy',
      offerId: 'offer',
      name: 'Add-on',
      quantity: 1,
      termDuration: 'P1Y',
      baseSubscriptionId: 'base',
      ...(effectiveAt === undefined ? {} : { effectiveAt }),
    },
  }) satisfies Command;

type History = readonly (Event | readonly Event[])[];
const stateOf = (...history: History) => fold(customerRelationship, [...history.flat()]);
const decide = (history: History, command: Command, more: Partial<Context> = {}) =>
  decideOn(customerRelationship, stateOf(...history), command, { ...context, ...more });
const datesOf = (events: readonly MessageOf<RelationshipEvents>[], field: string) =>
  events.map(({ data }) => (data as unknown as Record<string, unknown>)[field]);

describe('T1: before a command is judged', () => {
  it('T1, T2: a term bought a year ago has renewed month by month, and reporting that late opens no window', () => {
    const renewals = decide([established, active(id, monthly)], renew, { now: '2026-11-22T12:00:00.000Z' });
    expect(renewals.map(({ type }) => type)).toEqual(Array(13).fill('SubscriptionRenewed'));
    expect(datesOf(renewals, 'termStartsAt').at(-1)).toBe('2026-11-01T00:00:00.000Z');
    expect(datesOf(renewals, 'cancellationAllowedUntil').at(-1)).toBe('2026-11-08T00:00:00.000Z');
    given(established, active(id, monthly), renewals)
      .when(cancel, { now: '2026-11-22T12:00:00.000Z' })
      .rejects('CancellationWindowClosed', { closedAt: '2026-11-08T00:00:00.000Z' });
  });

  it('T1: a suspension a day after the end of a term suspends the renewed one', () => {
    given(established, active(id))
      .when(suspend, { now: dayAfterTerm })
      .thenNames('SubscriptionRenewed', 'SubscriptionSuspended', 'AutoRenewDisabled');
    const events = decide([established, active(id)], suspend, { now: dayAfterTerm });
    given(established, active(id), events)
      .when(endTerm, { now: '2027-11-22T12:00:00.000Z' })
      .rejects('NotDue', { dueAt: '2028-11-20T12:00:00.001Z' });
  });

  it.each(['newCommerce', 'legacy', 'marketplace'] as const)(
    'T1: the order of calls does not change what happened at the boundary (%s)',
    (kind) => {
      const history = [established, active(id, { kind, autoRenew: true })] as const;
      const at = { ...context, now: dayAfterTerm };
      const ways = [[suspend], [renew, suspend], [endTerm, suspend]].map((commands) => {
        const state = stateOf(...history);
        for (const command of commands)
          fold(customerRelationship, decideOn(customerRelationship, state, command, at), state);
        return state;
      });
      expect(ways[1]).toEqual(ways[0]);
      expect(ways[2]).toEqual(ways[0]);
      expect(ways[0]!.subscriptions.get(id)).toMatchObject({
        status: 'suspended',
        termEndsAt: '2028-11-20T12:00:00.000Z',
      });
    },
  );

  it('T1: a scheduled change holds from the boundary on, and later changes apply on top of it', () => {
    given(established, active(id), changeScheduled(id, { change: { quantity: 9 } }))
      .when({ type: 'ChangeSubscriptionQuantity', data: { subscriptionId: id, quantity: 12 } }, { now: dayAfterTerm })
      .thenNames('SubscriptionRenewed', 'SubscriptionQuantityChanged');
    const [renewed, changed] = decide(
      [established, active(id), changeScheduled(id, { change: { quantity: 9 } })],
      { type: 'ChangeSubscriptionQuantity', data: { subscriptionId: id, quantity: 12 } },
      { now: dayAfterTerm },
    );
    expect(renewed?.data).toMatchObject({ quantity: 9 });
    expect(changed?.data).toMatchObject({ quantity: 12, previousQuantity: 9 });
  });

  it('T1: a pending subscription does not run through its terms', () => {
    given(established, purchased(id, monthly))
      .when({ type: 'ActivateSubscription', data: { subscriptionId: id } })
      .thenNames('SubscriptionActivated');
  });

  it('T1, S10: the add-ons of a base are settled before they are suspended with it', () => {
    const addOn = active('add-on', { kind: 'legacy', baseSubscriptionId: id, termEndsAt: '2026-11-21T12:00:00.000Z' });
    given(established, active(id, { kind: 'legacy' }), addOn)
      .when(suspend)
      .thenNames('SubscriptionExpired', 'SubscriptionSuspended');
  });

  it('T1, S10: a base is settled up to the time from which the purchase of an add-on counts', () => {
    const base = active('base', { kind: 'legacy', termEndsAt: '2026-11-20T12:00:00.000Z' });
    given(established, base)
      .when(purchaseAddOn())
      .rejects('ParentNotActive', { baseSubscriptionId: 'base', status: 'expired' });
    given(established, base)
      .when(purchaseAddOn('2026-11-19T12:00:00.000Z'))
      .thenNames('SubscriptionPurchased', 'SupportContactAssigned');
  });

  it('T1: once the limit on designations is reached, subscriptions that have ended make room', () => {
    const policy: Policy = { ...policyOf2020, limits: { ...policyOf2020.limits, designations: 1 } };
    const gone = [
      active(id, { kind: 'legacy' }),
      contactAssigned(id),
      suspended(id, { retainedUntil: '2026-11-20T12:00:00.000Z' }),
    ] as const;
    const buy: Command = { ...purchaseAddOn(), data: { ...purchaseAddOn().data, baseSubscriptionId: undefined! } };
    const { baseSubscriptionId: _, ...alone } = buy.data;
    given(established, ...gone)
      .when({ type: 'PurchaseSubscription', data: alone }, { policy })
      .thenNames('SubscriptionDeleted', 'SupportContactWithdrawn', 'SubscriptionPurchased', 'SupportContactAssigned');
  });

  it('T1: a refusal, and the state that a decision is given, hold nothing of it', () => {
    const state = stateOf(established, active(id, monthly));
    const before = structuredClone(state);
    for (const command of [cancel, suspend, remove])
      try {
        decideOn(customerRelationship, state, command, context);
      } catch {
        // Refused or not is not the question here.
      }
    removalReadiness(state, policyOf2020, now, partner.type);
    settledState(state, now, policyOf2020);
    expect(state).toEqual(before);
  });

  it('T1: nothing is copied where nothing is due', () => {
    const state = stateOf(established, active(id));
    expect(settledState(state, now, policyOf2020)).toBe(state);
  });

  it('T1: old logs in odd orders settle all the same, once', () => {
    // A release that did not settle accepted a suspension after the end of a term, and renewed late with a late window.
    const odd: History = [
      established,
      active(id, monthly),
      suspended(id, { suspendedAt: '2026-03-01T00:00:00.000Z' }),
      autoRenewDisabled(id),
      reactivated(id),
      active('legacy', { kind: 'legacy', termEndsAt: '2020-01-01T00:00:00.000Z' }),
      suspended('legacy'),
      active('zero', {
        termDuration: 'P1M',
        purchasedAt: '0001-01-01T00:00:00.000Z',
        termEndsAt: '0001-02-01T00:00:00.000Z',
      }),
    ];
    const settled = settledState(stateOf(...odd), now, policyOf2020);
    expect(settledState(settled, now, policyOf2020)).toBe(settled);
    expect(settled.subscriptions.get('zero')?.termEndsAt).toBe('2026-12-01T00:00:00.000Z');
    expect(settled.subscriptions.get('legacy')?.status).toBe('suspended');
    expect(settled.subscriptions.get(id)?.status).toBe('deleted');
  });
});

describe('T1: what is no subscription', () => {
  const lateIn2027 = '2027-12-01T00:00:00.000Z';
  const reservation = reserved('ri-1', { expiresAt: '2027-06-01T00:00:00.000Z' });
  const software = softwarePurchased('order-1', { kind: 'subscription', expiresAt: '2027-06-01T00:00:00.000Z' });
  const plan = savingsPlanPurchased('plan-1', { expiresAt: '2027-06-01T00:00:00.000Z' });
  const ended = (type: Event['type'], data: object) => ({
    type,
    data,
    begins: true,
    metadata: expect.objectContaining({ actor: expect.objectContaining({ kind: 'system' }) }) as unknown,
  });

  it('T1, V6, V7, V10, G5: each thing that a decision reads has ended for it, and a refusal records nothing', () => {
    const refused: [History, Command, string, object][] = [
      [[reservation], { type: 'CancelReservation', data: { reservationId: 'ri-1' } }, 'InvalidTransition', {}],
      [[software], { type: 'CancelSoftwarePurchase', data: { purchaseId: 'order-1' } }, 'InvalidTransition', {}],
      [[plan], { type: 'CancelSavingsPlan', data: { savingsPlanId: 'plan-1' } }, 'InvalidTransition', {}],
      [
        adminActive('grant-1'),
        { type: 'TerminateDelegatedAdmin', data: { grantId: 'grant-1' } },
        'InvalidTransition',
        {},
      ],
      [
        [adminRequested('grant-1')],
        { type: 'LockDelegatedAdminForApproval', data: { grantId: 'grant-1' } },
        'RequestExpired',
        { expiredAt: adminRequested('grant-1').data.expiresAt },
      ],
    ];
    for (const [history, command, code, details] of refused)
      given(established, ...history)
        .when(command, { now: lateIn2027 })
        .rejects(code, code === 'InvalidTransition' ? { from: 'expired' } : details);
  });

  it('T1: the clock’s command of each is its settling: all that is due, else NotDue, and InvalidTransition for ever after', () => {
    const ofClock: [Event | readonly Event[], Command, Event['type']][] = [
      [reservation, { type: 'ExpireReservation', data: { reservationId: 'ri-1' } }, 'ReservationExpired'],
      [software, { type: 'ExpireSoftware', data: { purchaseId: 'order-1' } }, 'SoftwareExpired'],
      [plan, { type: 'ExpireSavingsPlan', data: { savingsPlanId: 'plan-1' } }, 'SavingsPlanExpired'],
      [adminActive('grant-1'), { type: 'ExpireDelegatedAdmin', data: { grantId: 'grant-1' } }, 'DelegatedAdminExpired'],
    ];
    for (const [history, command, event] of ofClock) {
      const item = Object.values(command.data)[0] as string;
      const events = decide([established, ...[history].flat()], command, { now: lateIn2027 });
      expect(events).toEqual([expect.objectContaining({ type: event, begins: true, metadata: {} })]);
      given(established, ...[history].flat())
        .when(command)
        .rejects('NotDue');
      given(established, ...[history].flat(), events)
        .when(command, { now: lateIn2027 })
        .rejects('InvalidTransition', { itemId: item, from: 'expired' });
    }
  });

  it('T1, R29: a lapsed request is over for every command, and its refusal is the same whether or not that is recorded', () => {
    const accept: Command = { type: 'AcceptResellerRelationship', data: {} };
    const { customer, expiresAt } = requested().data;
    const lapsed: Event = { type: 'ResellerRelationshipRequestExpired', data: { expiredAt: expiresAt } };
    const customerAdmin = { actor: customerUser('CustomerGlobalAdmin') };
    for (const history of [[requested()], [requested(), lapsed]])
      given(...history)
        .when(accept, customerAdmin)
        .rejects('RequestExpired', { expiredAt: expiresAt });
    expect(decide([requested()], { type: 'RequestResellerRelationship', data: { customer, market: 'US' } })).toEqual([
      expect.objectContaining(ended('ResellerRelationshipRequestExpired', { expiredAt: expiresAt })),
      expect.objectContaining({ type: 'ResellerRelationshipRequested' }),
    ]);
    // Once there is another, nothing is left of it.
    given(requested(), lapsed, requested())
      .when({ type: 'WithdrawRelationshipRequest', data: {} }, { now: expiresAt })
      .thenNames('ResellerRelationshipRequestWithdrawn');
  });

  it('T1, G5: where there is no room for a grant, those that time has ended make it, oldest first', () => {
    const policy: Policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants: 2 } };
    const request: Command = {
      type: 'RequestDelegatedAdmin',
      data: { grantId: 'grant-3', name: 'Three', roles: ['role-a'], durationDays: 30 },
    };
    const history = [established, ...adminActive('grant-1'), adminRequested('grant-2')] as const;
    expect(decide(history, request, { policy, now: lateIn2027 }).map(({ data }) => data)).toMatchObject([
      { grantId: 'grant-2', expiredAt: '2027-01-30T12:00:00.000Z' },
      { grantId: 'grant-1', expiredAt: '2027-11-03T12:00:00.000Z' },
      { grantId: 'grant-3' },
    ]);
    given(...history)
      .when(request, { policy })
      .rejects('LimitReached', { what: 'grants', limit: 2 });
    const room: Policy = { ...policy, limits: { ...policy.limits, grants: 3 } };
    given(...history)
      .when(request, { policy: room, now: lateIn2027 })
      .thenNames('DelegatedAdminRequested');
  });

  it('T1: everything stands as dates have left it, in a state of its own', () => {
    const state = stateOf(established, reservation, software, plan, adminActive('grant-1'), adminRequested('grant-2'));
    const before = structuredClone(state);
    const settled = settledState(state, lateIn2027, policyOf2020);
    expect(
      [settled.reservations, settled.software, settled.savingsPlans, settled.grants].flatMap((items) =>
        [...items.values()].map(({ status }) => status),
      ),
    ).toEqual(Array(5).fill('expired'));
    expect(state).toEqual(before);
    expect(settledState(settled, lateIn2027, policyOf2020)).toBe(settled);
  });
});

describe('T1: a removal', () => {
  it('T1: is judged by the settled state and records none of it', () => {
    const ended = [established, active(id), autoRenewDisabled(id)] as const;
    expect(removalBlockers(stateOf(...ended), policyOf2020, termEndsAt)).toHaveLength(1);
    given(...ended)
      .when(remove, { now: termEndsAt })
      .rejects('RemovalBlocked');
    given(...ended)
      .when(remove, { now: '2027-11-20T12:00:00.001Z' })
      .thenNames('ResellerRelationshipRemoved');
    given(established, active(id)).when(remove, { now: dayAfterTerm }).rejects('RemovalBlocked');
  });

  it('T1, R9: under the later policy, new commerce that was suspended is free once its term has ended', () => {
    const history = [established, active(id), suspended(id), autoRenewDisabled(id)] as const;
    given(...history)
      .when(remove, { now: termEndsAt, policy: laterPolicy })
      .rejects('RemovalBlocked');
    given(...history)
      .when(remove, { now: '2027-11-20T12:00:00.001Z', policy: laterPolicy })
      .thenNames('ResellerRelationshipRemoved');
  });

  it('T1, R20: time continues to have its effects after it', () => {
    given(established, active(id), autoRenewDisabled(id), removed())
      .when(renew, { now: '2030-01-01T00:00:00.000Z' })
      .thenNames('SubscriptionExpired', 'SubscriptionDisabled', 'SubscriptionDeleted');
  });
});

describe('T1: a settling event', () => {
  const recorded = (event: Event, recordedAt: string, name: string): [Event, EventMetadata] => [
    event,
    {
      actor: context.actor,
      causationId: 'cause',
      commandHash: 'hash',
      commandId: 'command',
      correlationId: 'correlation',
      hash: '',
      policy: { name, hash: `hash of ${name}` },
      previousHash: '',
      recordedAt,
      schema: 1,
    },
  ];
  const stateOfRecorded = (...log: [Event, EventMetadata][]) => {
    const state = initialState();
    for (const [event, metadata] of log) {
      fold(customerRelationship, [event], state);
      customerRelationship.note?.(state, metadata);
    }
    return state;
  };

  it('T1: names the command of the clock, the system with the sender as cause, and begins where an append may', () => {
    const [renewed, own] = decide([established, active(id)], suspend, { now: dayAfterTerm });
    expect(renewed).toMatchObject({
      type: 'SubscriptionRenewed',
      metadata: { command: 'RenewSubscription', actor: { id: context.actor.id, kind: 'system' } },
      begins: true,
    });
    expect(own).not.toHaveProperty('metadata');
  });

  it('T1: is decided under the policy that the last event before its boundary carries', () => {
    const history = [...established, ...active(id, monthly)];
    const lastLonger: Policy = { ...policyOf2020, windows: { ...policyOf2020.windows, newCommerceDays: 3 } };
    const state = stateOfRecorded(
      ...history.map((event) => recorded(event, '2025-10-01T00:00:00.000Z', laterPolicy.name)),
      recorded(
        { type: 'CustomerProfileUpdated', data: { name: 'Fabrikam', updatedAt: now } },
        '2026-11-01T00:00:00.001Z',
        policyOf2020.name,
      ),
    );
    const events = decideOn(customerRelationship, state, renew, {
      ...context,
      now: '2026-12-02T00:00:00.000Z',
      policy: lastLonger,
    });
    expect(events).toHaveLength(14);
    // Under the policy of then up to and with November, whose boundary came before the other one's first event.
    expect(events.slice(0, 13).map(({ metadata }) => metadata?.policy?.name)).toEqual(Array(13).fill(laterPolicy.name));
    expect(datesOf(events, 'cancellationAllowedUntil').slice(-2)).toEqual([
      '2026-11-08T00:00:00.000Z',
      '2026-12-04T00:00:00.000Z',
    ]);
    expect(events.at(-1)?.metadata?.policy).toEqual({ name: policyOf2020.name, hash: `hash of ${policyOf2020.name}` });
  });

  it('T1: leaves the policy in force as it is, however late it is recorded', () => {
    const [ended, metadata] = recorded(
      { type: 'ReservationExpired', data: { reservationId: 'ri-1', expiredAt: '2026-10-15T00:00:00.000Z' } },
      '2026-11-10T00:00:00.000Z',
      laterPolicy.name,
    );
    const state = stateOfRecorded(
      ...[...established, ...active(id, monthly)].map((event) =>
        recorded(event, '2025-10-01T00:00:00.000Z', laterPolicy.name),
      ),
      recorded(
        { type: 'CustomerProfileUpdated', data: { name: 'Fabrikam', updatedAt: now } },
        '2026-11-05T00:00:00.000Z',
        policyOf2020.name,
      ),
      [ended, { ...metadata, command: 'ExpireReservation' }],
    );
    const events = decideOn(customerRelationship, state, renew, { ...context, now: '2026-12-02T00:00:00.000Z' });
    expect(events.slice(-2).map(({ metadata }) => metadata?.policy?.name)).toEqual([
      laterPolicy.name,
      policyOf2020.name,
    ]);
  });

  it('T1: takes the first policy for a date before the first event, and the present one for a policy that is not known', () => {
    const history = [...established, ...active(id, monthly)];
    const late = '2026-11-22T12:00:00.000Z';
    const early = stateOfRecorded(...history.map((event) => recorded(event, late, laterPolicy.name)));
    expect(decideOn(customerRelationship, early, renew, context)[0]?.metadata?.policy?.name).toBe(laterPolicy.name);
    expect(policies).not.toHaveProperty('unheard-of');
    const unknown = stateOfRecorded(...history.map((event) => recorded(event, late, 'unheard-of')));
    expect(decideOn(customerRelationship, unknown, renew, context)[0]?.metadata).toEqual({});
  });
});

describe('T1: through the command loop', () => {
  const stream = relationshipStream(partner.tenantId, customerId);

  function server(store = inMemoryEventStore(), sentBefore = 0) {
    const commands = new CommandLoop({
      streams: new FoldedStreams({
        store,
        decider: customerRelationship,
        codec: relationshipCodec,
        summaryOf: relationshipSummary,
      }),
      seal,
    });
    let sent = sentBefore;
    const send = (command: Command, at = now, more: Partial<CommandRequest<RelationshipCommands, Context>> = {}) => {
      const actor = command.type.startsWith('Accept') ? customerUser('CustomerGlobalAdmin') : context.actor;
      return commands.handle({
        stream,
        command,
        metadata: {
          actor,
          causationId: 'correlation',
          commandHash: JSON.stringify(command),
          commandId: `command-${++sent}`,
          correlationId: 'correlation',
          policy: { name: policyOf2020.name, hash: policyHash(policyOf2020) },
          comment: 'why',
        },
        now: at,
        contextAt: (time) => ({ ...context, now: time, actor }),
        ...more,
      });
    };
    return { ...commands, store, send };
  }

  const purchase = (more: Partial<RelationshipCommands['PurchaseSubscription']>): Command => ({
    type: 'PurchaseSubscription',
    data: {
      subscriptionId: id,
      kind: 'newCommerce',
      offerId: 'offer',
      name: 'Seats',
      quantity: 5,
      termDuration: 'P1M',
      provisioned: true,
      ...more,
    },
  });

  async function opened() {
    const one = server();
    const { customer } = requested().data;
    await one.send({ type: 'RequestResellerRelationship', data: { customer, market: 'US' } });
    await one.send({ type: 'AcceptResellerRelationship', data: {} });
    await one.send({ type: 'ConfirmCustomerAgreement', data: {} });
    return one;
  }

  it('R29: an answer names the relationship as it stood when its command was recorded, a lapsed request too', async () => {
    const { store, send } = await opened();
    const { customer } = requested().data;
    await send(purchase({ effectiveAt: '2026-09-01T00:00:00.000Z', autoRenew: false }));
    await send({ type: 'RemoveResellerRelationship', data: {} });
    const again = await send({ type: 'RequestResellerRelationship', data: { customer, market: 'US' } });
    expect(again).toMatchObject({ outcome: 'accepted', summary: { status: 'requested' } });

    const afterLapse = '2027-06-01T00:00:00.000Z';
    const ofClock = { type: 'EndSubscriptionTerm', data: { subscriptionId: id } } as const;
    const outcome = await send(ofClock, afterLapse);
    const summary = { status: 'requestExpired', relationshipTerm: 1 };
    expect(outcome).toMatchObject({ outcome: 'accepted', replayed: false, summary });
    // A server that has folded the stream from the log answers a retry the same.
    const retried = await server(store, 6).send(ofClock, '2027-07-01T00:00:00.000Z');
    expect(retried).toMatchObject({ outcome: 'accepted', replayed: true, summary });
  });

  it('T1: one append holds what time has brought about and what the command does', async () => {
    const { store, send } = await opened();
    await send(purchase({ effectiveAt: '2026-09-01T00:00:00.000Z' }));
    const outcome = await send(suspend);
    expect(outcome).toMatchObject({
      outcome: 'accepted',
      events: ['SubscriptionRenewed', 'SubscriptionRenewed', 'SubscriptionSuspended', 'AutoRenewDisabled'],
    });
    const [, renewed, own] = (await store.read(stream)).slice(-4);
    expect(renewed?.metadata).toMatchObject({
      command: 'RenewSubscription',
      actor: { id: context.actor.id, kind: 'system', roles: [] },
      policy: { name: policyOf2020.name },
      recordedAt: now,
      causationId: own?.metadata.commandId,
    });
    expect(renewed?.data).toMatchObject({ renewedAt: '2026-11-01T00:00:00.000Z' });
    expect(own?.metadata).toMatchObject({
      command: 'SuspendSubscription',
      comment: 'why',
      actor: { kind: 'partnerUser' },
    });
    // Another server folds the same state from the log.
    const same = await server(store).ask(stream, (state) => structuredClone(state));
    expect(await server(store).ask(stream, (state) => structuredClone(state))).toEqual(same);
    expect(same.subscriptions.get(id)).toMatchObject({ status: 'suspended', termEndsAt: '2026-12-01T00:00:00.000Z' });
  });

  it('T1: of a base with many add-ons, more than one append takes is appended beforehand', async () => {
    const { store, send, ask } = await opened();
    const legacy = { kind: 'legacy', autoRenew: true, effectiveAt: '2011-01-01T00:00:00.000Z' } as const;
    await send(purchase(legacy));
    for (const addOn of ['a', 'b', 'c'])
      await send(purchase({ ...legacy, subscriptionId: addOn, baseSubscriptionId: id }));
    const before = await ask(stream, (_, { revision }) => revision);
    const outcome = await send(suspend, '2026-11-22T12:00:00.000Z', { ifRevision: exactly(before) });
    expect(outcome).toMatchObject({ outcome: 'accepted' });
    const events = (await store.read(stream)).slice(before + 1);
    // 15 years and 10 months of four subscriptions, some of which the purchases of the add-ons have settled.
    expect(events.filter(({ type }) => type === 'SubscriptionRenewed')).toHaveLength(4 * 190);
    const starts = events.flatMap(({ data }) => (data as { termStartsAt?: string }).termStartsAt ?? []);
    expect(starts).toEqual(starts.toSorted());
    expect(events.slice(-4).map(({ type }) => type)).toEqual(Array(4).fill('SubscriptionSuspended'));
  });

  const changeQuantity = (quantity: number, effectiveAt: string): Command => ({
    type: 'ChangeSubscriptionQuantity',
    data: { subscriptionId: id, quantity, effectiveAt },
  });

  it('T1a: one append holds a fact that is reported late, and what came before it and has followed from it', async () => {
    const { store, send } = await opened();
    await send(purchase({ effectiveAt: '2026-09-01T00:00:00.000Z' }));
    const outcome = await send(changeQuantity(9, '2026-10-15T00:00:00.000Z'));
    expect(outcome).toMatchObject({
      outcome: 'accepted',
      events: ['SubscriptionRenewed', 'SubscriptionQuantityChanged', 'SubscriptionRenewed'],
    });
    const [before, own, after] = (await store.read(stream)).slice(-3).map(({ metadata }) => metadata);
    expect(own).toMatchObject({
      command: 'ChangeSubscriptionQuantity',
      comment: 'why',
      actor: { kind: 'partnerUser' },
    });
    for (const byItself of [before, after]) {
      expect(byItself).toMatchObject({
        command: 'RenewSubscription',
        actor: { id: context.actor.id, kind: 'system' },
        commandId: own?.commandId,
        causationId: own?.commandId,
        recordedAt: now,
      });
      expect(byItself).not.toHaveProperty('comment');
    }
  });

  it('T1a: what has followed and finds no room stays for the next, and a retry is answered by the fact itself', async () => {
    const { store, send, ask } = await opened();
    await send(purchase({ effectiveAt: '2010-01-01T00:00:00.000Z' }));
    const before = await ask(stream, (_, { revision }) => revision);
    const [late, at] = [changeQuantity(9, '2012-01-15T00:00:00.000Z'), '2060-01-15T00:00:00.000Z'];
    const sent = { ifRevision: exactly(before) };
    const outcome = await send(late, at, sent);
    expect(outcome).toMatchObject({ outcome: 'accepted', replayed: false });
    const appended = (await store.read(stream)).slice(before + 1);
    // 24 renewals before it, in an append of their own; 500 events in that of the fact; 77 renewals are left.
    expect(appended).toHaveLength(24 + 500);
    expect(appended[24]).toMatchObject({ type: 'SubscriptionQuantityChanged', metadata: { comment: 'why' } });
    expect(new Set(appended.map(({ metadata }) => metadata.commandId)).size).toBe(2);
    // A server that has folded the stream from the log knows it by that append.
    const other = server(store, 4);
    expect(await other.send(late, '2060-02-15T00:00:00.000Z')).toMatchObject({ ...outcome, replayed: true });
    expect(await other.send(renew, at)).toMatchObject({ events: Array(77).fill('SubscriptionRenewed') });
    expect(await other.send(renew, at)).toMatchObject({ outcome: 'refused', rejection: { code: 'NotDue' } });
  });

  it('T1a: a crash after the renewals before it leaves a command that a retry decides', async () => {
    const { store, send } = await opened();
    await send(purchase({ effectiveAt: '2010-01-01T00:00:00.000Z' }));
    let appends = 0;
    const crashing: typeof store = {
      ...store,
      append(...append) {
        if (++appends === 2) throw new Error('The server has gone.');
        return store.append(...append);
      },
    };
    const [late, at] = [changeQuantity(9, '2058-01-15T00:00:00.000Z'), '2060-01-15T00:00:00.000Z'];
    await expect(server(crashing, 4).send(late, at)).rejects.toThrow('The server has gone.');
    expect(await server(store, 4).send(late, at)).toMatchObject({ outcome: 'accepted', replayed: false });
    expect(await server(store, 4).send(late, at)).toMatchObject({ outcome: 'accepted', replayed: true });
    const quantities = (await store.read(stream)).filter(({ type }) => type === 'SubscriptionQuantityChanged');
    expect(quantities).toHaveLength(1);
  });
});
