import { describe, expect, it } from '@jest/globals';
import { Rejection, type MessageOf } from '#event-sourcing';
import {
  current,
  customerSignature,
  effectiveFault,
  effectiveTime,
  endFault,
  known,
  refuseFaults,
  requireActive,
  requireCustomerGlobalAdmin,
  requireGoodStanding,
  requireKnown,
  requireNew,
  requirePurchase,
  requireSeller,
} from './admission.js';
import type { RelationshipEvents } from './events.js';
import type { CustomerRelationship } from './state.js';
import {
  accepted,
  active,
  context,
  customerUser,
  established,
  now,
  partner,
  partnerApp,
  partnerUser,
  reestablished,
  removed,
  requested,
  spec,
} from './testing.js';

type Event = MessageOf<RelationshipEvents>;
const stateOf = (...history: readonly (Event | readonly Event[])[]) =>
  spec.given(...history).state() as CustomerRelationship;
const unknown = stateOf();
const asked = stateOf(requested());
const open = stateOf(...established, ...active('sub-1'));
const ended = stateOf(...established, ...active('sub-1'), removed());
const again = stateOf(...established, ...active('sub-1'), removed(), ...reestablished);

function refusal(ask: () => unknown): unknown {
  try {
    ask();
  } catch (error) {
    if (error instanceof Rejection) return [error.code, error.details];
    throw error;
  }
  return undefined;
}

describe('What every noun asks first', () => {
  it('is whether the relationship is known (R1)', () => {
    expect(refusal(() => requireKnown(unknown))).toEqual(['RelationshipNotFound', {}]);
    for (const state of [asked, open, ended]) expect(refusal(() => requireKnown(state))).toBeUndefined();
  });

  it('is whether it is active (R20)', () => {
    expect(refusal(() => requireActive(unknown))).toEqual(['RelationshipNotFound', {}]);
    expect(refusal(() => requireActive(asked))).toEqual(['NoRelationship', { status: 'requested' }]);
    expect(refusal(() => requireActive(ended))).toEqual(['NoRelationship', { status: 'removed' }]);
    expect(refusal(() => requireActive(open))).toBeUndefined();
  });

  it('is whether the item is there, and of the current term (R20, R23)', () => {
    const find = (state: CustomerRelationship, id = 'sub-1') => current(state, state.subscriptions, 'subscription', id);
    expect(find(open)).toBe(open.subscriptions.get('sub-1'));
    expect(refusal(() => find(open, 'sub-2'))).toEqual(['ItemNotFound', { kind: 'subscription', itemId: 'sub-2' }]);
    expect(refusal(() => find(asked, 'sub-2'))).toEqual(['NoRelationship', { status: 'requested' }]);
    expect(refusal(() => find(again))).toEqual([
      'ItemOfEarlierTerm',
      { kind: 'subscription', itemId: 'sub-1', relationshipTerm: 1 },
    ]);
  });

  it('only requires the item to exist when the clock asks (R20)', () => {
    const find = (state: CustomerRelationship, id = 'sub-1') => known(state, state.subscriptions, 'subscription', id);
    for (const state of [open, ended, again]) expect(find(state)).toBe(state.subscriptions.get('sub-1'));
    expect(refusal(() => find(unknown))).toEqual(['RelationshipNotFound', {}]);
    expect(refusal(() => find(ended, 'sub-2'))).toEqual(['ItemNotFound', { kind: 'subscription', itemId: 'sub-2' }]);
  });

  it('is whether an id is new', () => {
    expect(refusal(() => requireNew(open.subscriptions, 'subscription', 'sub-2'))).toBeUndefined();
    expect(refusal(() => requireNew(again.subscriptions, 'subscription', 'sub-1'))).toEqual([
      'ItemAlreadyExists',
      { kind: 'subscription', itemId: 'sub-1' },
    ]);
  });
});

describe('A purchase', () => {
  const ofType = (type: typeof partner.type) => ({ ...context, partner: { ...partner, type } });

  it('is for those who transact: not for an indirect reseller (R3)', () => {
    expect(refusal(() => requireSeller(ofType('indirectReseller')))).toEqual([
      'PartnerTypeNotAllowed',
      {
        partnerType: 'indirectReseller',
        allowed: ['directBillPartner', 'indirectProvider'],
        hint: 'askTheProvider',
      },
    ]);
    for (const type of ['directBillPartner', 'indirectProvider'] as const)
      expect(refusal(() => requireSeller(ofType(type)))).toBeUndefined();
  });

  it('is for a partner in good standing (R27)', () => {
    for (const standing of ['restricted', 'suspended'] as const) {
      const inStanding = { ...context, partner: { ...partner, standing } };
      for (const ask of [requireGoodStanding, requireSeller, (c: typeof context) => requirePurchase(unknown, c)])
        expect(refusal(() => ask(inStanding))).toEqual(['PartnerRestricted', { standing }]);
    }
    expect(refusal(() => requireGoodStanding(context))).toBeUndefined();
  });

  it('needs an active relationship and a confirmed agreement (R19, S1)', () => {
    const removedAt = '2026-11-21T12:00:00.000Z';
    expect(refusal(() => requirePurchase(unknown, context))).toEqual(['RelationshipNotFound', {}]);
    expect(refusal(() => requirePurchase(asked, context))).toEqual(['NoRelationship', { status: 'requested' }]);
    expect(refusal(() => requirePurchase(ended, context))).toEqual(['PurchasesNotAllowed', { removedAt }]);
    expect(refusal(() => requirePurchase(stateOf(requested(), accepted()), context))).toEqual([
      'AgreementNotConfirmed',
      {},
    ]);
    expect(refusal(() => requirePurchase(open, context))).toBeUndefined();
    expect(refusal(() => requirePurchase(again, context))).toBeUndefined();
    expect(refusal(() => requirePurchase(unknown, ofType('indirectReseller')))).toMatchObject([
      'PartnerTypeNotAllowed',
      {},
    ]);
  });
});

describe('Time', () => {
  it('is the time the command names, or now', () => {
    expect(effectiveTime(undefined, now)).toBe(now);
    expect(effectiveTime(now, now)).toBe(now);
    expect(effectiveTime('2020-01-01T00:00:00.000Z', now)).toBe('2020-01-01T00:00:00.000Z');
  });

  it('D1: is refused where it lies ahead, or stands for no date in some other system', () => {
    const faultOf = (at: string) => {
      const fault = effectiveFault('agreedAt', at, now);
      return fault && [fault.code, fault.details['field'], fault.details['rule']];
    };
    expect(faultOf(now)).toBeUndefined();
    expect(faultOf('2026-11-22T12:00:00.001Z')).toEqual(['EffectiveInFuture', 'agreedAt', undefined]);
    expect(faultOf('9999-12-31T23:59:59.999Z')).toEqual(['EffectiveInFuture', 'agreedAt', undefined]);
    expect(faultOf('2010-01-01T00:00:00.000Z')).toBeUndefined();
    for (const sentinel of ['0001-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', '2009-12-31T23:59:59.999Z'])
      expect(faultOf(sentinel)).toEqual(['DateOutOfRange', 'agreedAt', 'notBefore2010']);
  });

  it('D1: an end is at most ten years ahead, and not before the purchase', () => {
    const faultOf = (end: string | undefined) => {
      const fault = endFault('cancellationAllowedUntil', end, now, now);
      return fault && [fault.code, fault.details['rule']];
    };
    expect(faultOf(undefined)).toBeUndefined();
    expect(faultOf(now)).toBeUndefined();
    expect(faultOf('2036-11-22T12:00:00.000Z')).toBeUndefined();
    expect(faultOf('2036-11-22T12:00:00.001Z')).toEqual(['DateOutOfRange', 'atMost10YearsAhead']);
    expect(faultOf('9999-12-31T23:59:59.999Z')).toEqual(['DateOutOfRange', 'atMost10YearsAhead']);
    expect(faultOf('2026-11-22T11:59:59.999Z')).toEqual(['InvalidItem', 'notBeforePurchase']);
    // One fault a field: what is no date is not before anything either.
    expect(faultOf('0001-01-01T00:00:00.000Z')).toEqual(['DateOutOfRange', 'notBefore2010']);
  });

  it('is among all that is wrong with what a command says, which is refused at once', () => {
    const one = new Rejection('RolesMissing', { a: 1 });
    const other = new Rejection('NameTooLong', { maxLength: 50 });
    expect(refusal(() => refuseFaults(undefined, undefined))).toBeUndefined();
    expect(refusal(() => refuseFaults(undefined, one))).toEqual(['RolesMissing', { a: 1 }]);
    expect(refusal(() => refuseFaults(other, undefined, one))).toEqual([
      'NameTooLong',
      {
        maxLength: 50,
        faults: [
          { code: 'NameTooLong', maxLength: 50 },
          { code: 'RolesMissing', a: 1 },
        ],
      },
    ]);
  });
});

describe("The customer's word", () => {
  const sign = (actor: typeof context.actor, globalAdmin?: boolean) => () =>
    customerSignature(globalAdmin === undefined ? undefined : { userId: 'chris', globalAdmin }, { ...context, actor });
  const refused = ['AcceptorNotGlobalAdmin', { requires: 'CustomerGlobalAdmin' }];

  it("is its Global admin's, given directly or relayed by the partner's app (R25)", () => {
    expect(sign(customerUser('CustomerGlobalAdmin'))()).toEqual({ userId: 'chris' });
    // A user who signs in cannot sign for another.
    const anna = { ...customerUser('CustomerGlobalAdmin'), id: 'anna' };
    expect(sign(anna, true)()).toEqual({ userId: 'anna' });
    for (const role of ['AdminAgent', 'GlobalAdmin'] as const)
      expect(sign(partnerApp(role), true)()).toEqual({ userId: 'chris', relayedBy: 'sync-app' });
  });

  it("is no other sender's (R25)", () => {
    expect(refusal(sign(customerUser('GlobalAdmin'), true))).toEqual(refused);
    expect(refusal(sign(partnerApp('AdminAgent'), false))).toEqual(refused);
    expect(refusal(sign(partnerApp('AdminAgent')))).toEqual(refused);
    expect(refusal(sign(partnerUser('GlobalAdmin'), true))).toEqual(refused);
    for (const role of ['SalesAgent', 'HelpdeskAgent', 'BillingAdmin', 'Auditor', 'CustomerGlobalAdmin'] as const)
      expect(refusal(sign(partnerApp(role), true))).toEqual([
        'RoleNotAllowed',
        { anyOf: ['GlobalAdmin', 'AdminAgent'] },
      ]);
  });

  it('names its Global admin by an id that tells no address', () => {
    const actorIdOf = (named: string) => `id of ${named}`;
    const relayed = { userId: 'chris@contoso.example', globalAdmin: true };
    expect(customerSignature(relayed, { ...context, actor: partnerApp('AdminAgent'), actorIdOf })).toEqual({
      userId: 'id of chris@contoso.example',
      relayedBy: 'sync-app',
    });
  });

  it('takes the role by its name where any of its people could speak (G11)', () => {
    const ask = (actor: typeof context.actor) => () =>
      requireCustomerGlobalAdmin('TerminateDelegatedAdmin', { ...context, actor });
    expect(refusal(ask(customerUser('CustomerGlobalAdmin')))).toBeUndefined();
    expect(refusal(ask(customerUser('GlobalAdmin')))).toEqual([
      'RoleNotAllowed',
      { command: 'TerminateDelegatedAdmin', anyOf: ['CustomerGlobalAdmin'] },
    ]);
  });
});
