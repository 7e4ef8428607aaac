import {
  commitmentEndFault,
  current,
  effectiveFault,
  effectiveTime,
  endFault,
  refuseFaults,
  requireNew,
  requirePurchase,
} from './admission.js';
import {
  addDays,
  anchorDayOf,
  firstInstantAfter,
  hasPassed,
  termEnd,
  type Instant,
  type TermDuration,
} from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import { event, present } from './event.js';
import type { SoftwareKind, SoftwareLineItem, SoftwarePublisher } from './events.js';
import type { Buyer } from './parties.js';
import { reject } from './rejections.js';
import { byAnyRole, byUserOrApp } from './rights.js';
import { rulesOfLateFacts, rulesOfSale } from './rules.js';
import { passingTime } from './settling.js';
import type { CustomerRelationship, SoftwarePurchase } from './state.js';

export interface SoftwareCommands {
  /** Buys software, perpetual or by subscription. */
  PurchaseSoftware: {
    readonly purchaseId: string;
    readonly kind: SoftwareKind;
    readonly publisher: SoftwarePublisher;
    readonly name: string;
    readonly lineItems: readonly SoftwareLineItem[];
    /** One or three years for a software subscription; none for perpetual software. */
    readonly termDuration?: Exclude<TermDuration, 'P1M'>;
    /** Default: true for a software subscription bought since 14 October 2021; perpetual software has none. */
    readonly autoRenew?: boolean;
    readonly boughtBy?: Buyer;
    /** The end of the term that runs (inclusive), where it is not the computed one: co-termed, or bought long ago (rule T3). */
    readonly commitmentEndDate?: Instant;
    readonly cancellationAllowedUntil?: Instant;
    readonly effectiveAt?: Instant;
  };
  /** The whole purchase, or the line items named. */
  CancelSoftwarePurchase: {
    readonly purchaseId: string;
    readonly lineItemIds?: readonly string[];
    readonly effectiveAt?: Instant;
  };
  /** Sets whether a software subscription renews at the end of its term. */
  SetSoftwareAutoRenew: { readonly purchaseId: string; readonly autoRenew: boolean; readonly effectiveAt?: Instant };
  /** Records what time has brought about for software, such as a renewal; not before it is due. */
  RenewSoftware: { readonly purchaseId: string };
  /** Records what time has brought about for software, such as the end of its term; not before it is due. */
  ExpireSoftware: { readonly purchaseId: string };
}

/** Earlier software subscriptions do not renew by themselves (rule V7a; Partner Center, CSP software subscriptions). */
const renewsIfBoughtSince: Instant = '2021-10-14T00:00:00.000Z';

/** Each of the clock's commands records all that time has brought about. */
const ofSoftware = { ...passingTime, emits: ['SoftwareRenewed', 'SoftwareExpired'] } as const;

export const softwareCommands = {
  /** Rules V7, V7a, V11: the item's own cancellation window and auto-renew count, else the rule for its kind. */
  PurchaseSoftware: {
    right: byAnyRole,
    rules: [...rulesOfSale, 'V7', 'V7a', 'T3'],
    emits: ['SoftwarePurchased'],
    decide(state, data, context) {
      requirePurchase(state, context);
      const { windows } = context.policy;
      const { purchaseId, kind, publisher, name, lineItems, termDuration, boughtBy = 'partner' } = data;
      const { commitmentEndDate } = data;
      const purchasedAt = effectiveTime(data.effectiveAt, context.now);
      const endOfTermFrom = (start: Instant) => termDuration && termEnd(start, termDuration);
      const termEndsAt = endOfTermFrom(purchasedAt);
      const windowDays = kind === 'perpetual' ? windows.perpetualSoftwareDays : windows.softwareSubscriptionDays;
      const cancellationAllowedUntil = data.cancellationAllowedUntil ?? addDays(purchasedAt, windowDays);
      requireNew(state.software, 'softwarePurchase', purchaseId);
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, context.now),
        kind === 'subscription' && termDuration === undefined ? invalid('termDuration', 'required') : undefined,
        kind === 'perpetual' && termDuration !== undefined ? invalid('termDuration', 'notAllowed') : undefined,
        kind === 'perpetual' && commitmentEndDate !== undefined
          ? invalid('commitmentEndDate', 'notAllowed')
          : commitmentEndFault(commitmentEndDate, purchasedAt, endOfTermFrom, context.now),
        kind === 'perpetual' && data.autoRenew ? invalid('autoRenew', 'notAllowed') : undefined,
        lineItems.length === 0 ? invalid('lineItems', 'notEmpty') : undefined,
        new Set(lineItems.map(({ lineItemId }) => lineItemId)).size < lineItems.length
          ? invalid('lineItems', 'uniqueIds')
          : undefined,
        endFault('cancellationAllowedUntil', data.cancellationAllowedUntil, purchasedAt, context.now),
      );

      return [
        event('SoftwarePurchased', {
          purchaseId,
          kind,
          publisher,
          name,
          lineItems,
          boughtBy,
          cancellationAllowedUntil,
          purchasedAt,
          ...present({ termDuration, expiresAt: commitmentEndDate ?? termEndsAt }),
          autoRenew: data.autoRenew ?? (kind === 'subscription' && purchasedAt >= renewsIfBoughtSince),
        }),
      ];
    },
  },

  /** Rules V7–V9. The purchase is cancelled with its last line item; lines cancelled before stay as they are. */
  CancelSoftwarePurchase: {
    right: byUserOrApp('AdminAgent'),
    late: true,
    rules: ['R20', 'R27', 'V7', 'V8', 'V9', ...rulesOfLateFacts],
    emits: ['SoftwareLineItemCancelled'],
    brings: ['SoftwarePurchaseCancelled'],
    decide(state, { purchaseId, lineItemIds }, { now, policy }) {
      const purchase = current(state, state.software, 'softwarePurchase', purchaseId);
      const { lineItems, publisher, status: from, cancellationAllowedUntil, expiresAt, autoRenew } = purchase;
      const named = new Set(lineItemIds ?? lineItems.keys());
      const unknown = [...named].filter((lineItemId) => !lineItems.has(lineItemId));
      if (unknown.length > 0) throw reject('LineItemNotFound', { purchaseId, lineItemIds: unknown });
      if (policy.nonCancellablePublishers.includes(publisher))
        throw reject('CancelNotSupported', {
          ...(autoRenew
            ? { remedy: 'switchOffAutoRenewAndWait', remedyCommand: 'SetSoftwareAutoRenew' }
            : { remedy: 'waitOrTransfer' }),
          ...present({ expiresAt }),
        });
      if (from !== 'completed') throw reject('InvalidTransition', { itemId: purchaseId, from, to: 'cancelled' });
      if (hasPassed(cancellationAllowedUntil, now))
        throw reject('CancellationWindowClosed', {
          closedAt: cancellationAllowedUntil,
          ...(expiresAt === undefined ? { remedy: 'transfer' } : { termEndsAt: expiresAt }),
          ...(expiresAt !== undefined && autoRenew ? { nextWindowAt: firstInstantAfter(expiresAt) } : {}),
        });
      refuseFaults(lineItemIds?.length === 0 ? invalid('lineItemIds', 'notEmpty') : undefined);

      const left = [...lineItems].filter(([, cancelled]) => !cancelled).map(([lineItemId]) => lineItemId);
      const toCancel = left.filter((lineItemId) => named.has(lineItemId));
      // A purchase whose lines have no ids is cancelled as a whole; otherwise it would block removal for ever.
      if (toCancel.length === 0 && (left.length > 0 || lineItemIds !== undefined))
        throw reject('NothingToChange', { purchaseId, lineItemIds: [...named] });
      return [
        ...toCancel.map((lineItemId) =>
          event('SoftwareLineItemCancelled', { purchaseId, lineItemId, cancelledAt: now }),
        ),
        ...(toCancel.length === left.length
          ? [event('SoftwarePurchaseCancelled', { purchaseId, cancelledAt: now })]
          : []),
      ];
    },
  },

  /** Rule V7a. What is set also settles whether a purchase from before renewals were recorded has renewed. */
  SetSoftwareAutoRenew: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'V7a', ...rulesOfLateFacts],
    emits: ['SoftwareAutoRenewEnabled', 'SoftwareAutoRenewDisabled'],
    decide(state, { purchaseId, autoRenew }, { now }) {
      const purchase = current(state, state.software, 'softwarePurchase', purchaseId);
      const { kind, status, renewalUnknown } = purchase;
      if (status !== 'completed')
        throw reject('InvalidTransition', { itemId: purchaseId, from: status, requires: 'completed' });
      refuseFaults(kind === 'perpetual' ? invalid('autoRenew', 'notAllowed') : undefined);
      if (autoRenew === purchase.autoRenew && !renewalUnknown)
        throw reject('NothingToChange', { purchaseId, autoRenew });
      return [
        autoRenew
          ? event('SoftwareAutoRenewEnabled', { purchaseId, enabledAt: now })
          : event('SoftwareAutoRenewDisabled', { purchaseId, disabledAt: now }),
      ];
    },
  },

  RenewSoftware: { ...ofSoftware, rules: ['R20', 'S14', 'V7', 'V7a'] },
  ExpireSoftware: { ...ofSoftware, rules: ['R8', 'R20', 'S14', 'V7a'] },
} satisfies CommandTable<SoftwareCommands>;

export const softwareSteps = {
  SoftwarePurchased(state, data) {
    const { purchaseId, kind, publisher, name, lineItems, termDuration, expiresAt, purchasedAt } = data;
    const anchorDay =
      termDuration && expiresAt !== undefined ? anchorDayOf(purchasedAt, termDuration, expiresAt) : undefined;
    const { cancellationAllowedUntil, autoRenew, renewalUnknown } = data;
    state.software.set(purchaseId, {
      relationshipTerm: state.relationshipTerm,
      kind,
      publisher,
      name,
      cancellationAllowedUntil,
      autoRenew,
      ...present({ termDuration, anchorDay, expiresAt, renewalUnknown }),
      // An earlier release accepted lists in place of line items: such a line has no id and cannot be named.
      lineItems: new Map(
        lineItems.flatMap(({ lineItemId }: Partial<SoftwareLineItem>) =>
          lineItemId === undefined ? [] : [[lineItemId, false]],
        ),
      ),
      status: 'completed',
    });
  },
  SoftwareLineItemCancelled: step((purchase, { lineItemId }) => {
    purchase.lineItems.set(lineItemId, true);
  }),
  SoftwarePurchaseCancelled: step((purchase) => {
    purchase.status = 'cancelled';
  }),
  SoftwareAutoRenewEnabled: step((purchase) => {
    purchase.autoRenew = true;
    delete purchase.renewalUnknown;
  }),
  SoftwareAutoRenewDisabled: step((purchase) => {
    purchase.autoRenew = false;
    delete purchase.renewalUnknown;
  }),
} satisfies Steps;

/** A step on the purchase that the event names, if there is one. */
function step<Data extends { readonly purchaseId: string }>(
  write: (purchase: SoftwarePurchase, data: Data) => void,
): (state: CustomerRelationship, data: Data) => void {
  return ({ software }, data) => {
    const purchase = software.get(data.purchaseId);
    if (purchase) write(purchase, data);
  };
}

function invalid(field: keyof SoftwareCommands['PurchaseSoftware'] | 'lineItemIds', rule: string) {
  return reject('InvalidItem', { field, rule });
}
