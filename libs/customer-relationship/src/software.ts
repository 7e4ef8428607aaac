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
import { addDays, hasPassed, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import { event, present } from './event.js';
import type { SoftwareKind, SoftwareLineItem, SoftwarePublisher } from './events.js';
import type { Buyer } from './parties.js';
import { reject } from './rejections.js';
import { byAnyRole, byUserOrApp } from './rights.js';
import { rulesOfSale } from './rules.js';
import { passingTime } from './settling.js';

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
    readonly boughtBy?: Buyer;
    /** The end of its first term (inclusive), if it comes before the term would end: co-termed (rule T3). */
    readonly commitmentEndDate?: Instant;
    readonly cancellationAllowedUntil?: Instant;
    readonly effectiveAt?: Instant;
  };
  /** The whole purchase, or the line items named. */
  CancelSoftwarePurchase: { readonly purchaseId: string; readonly lineItemIds?: readonly string[] };
  /** Records that the term of a software subscription has ended; not before it is due. */
  ExpireSoftware: { readonly purchaseId: string };
}

export const softwareCommands = {
  /** Rules V7, V11: the item's own cancellation window counts, else the policy's for its kind. */
  PurchaseSoftware: {
    right: byAnyRole,
    rules: [...rulesOfSale, 'V7', 'T3'],
    emits: ['SoftwarePurchased'],
    decide(state, data, context) {
      requirePurchase(state, context);
      const { windows } = context.policy;
      const { purchaseId, kind, publisher, name, lineItems, termDuration, boughtBy = 'partner' } = data;
      const { commitmentEndDate } = data;
      const purchasedAt = effectiveTime(data.effectiveAt, context.now);
      const termEndsAt = termDuration && termEnd(purchasedAt, termDuration);
      const windowDays = kind === 'perpetual' ? windows.perpetualSoftwareDays : windows.softwareSubscriptionDays;
      const cancellationAllowedUntil = data.cancellationAllowedUntil ?? addDays(purchasedAt, windowDays);
      requireNew(state.software, 'softwarePurchase', purchaseId);
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, context.now),
        kind === 'subscription' && termDuration === undefined ? invalid('termDuration', 'required') : undefined,
        kind === 'perpetual' && termDuration !== undefined ? invalid('termDuration', 'notAllowed') : undefined,
        kind === 'perpetual' && commitmentEndDate !== undefined
          ? invalid('commitmentEndDate', 'notAllowed')
          : commitmentEndFault(commitmentEndDate, purchasedAt, termEndsAt, context.now),
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
        }),
      ];
    },
  },

  /** Rules V7–V9. The purchase is cancelled with its last line item; lines cancelled before stay as they are. */
  CancelSoftwarePurchase: {
    right: byUserOrApp('AdminAgent'),
    rules: ['R20', 'R27', 'V7', 'V8', 'V9'],
    emits: ['SoftwareLineItemCancelled'],
    brings: ['SoftwarePurchaseCancelled'],
    decide(state, { purchaseId, lineItemIds }, { now, policy }) {
      const purchase = current(state, state.software, 'softwarePurchase', purchaseId);
      const { lineItems, publisher, status: from, cancellationAllowedUntil, expiresAt } = purchase;
      const named = new Set(lineItemIds ?? lineItems.keys());
      const unknown = [...named].filter((lineItemId) => !lineItems.has(lineItemId));
      if (unknown.length > 0) throw reject('LineItemNotFound', { purchaseId, lineItemIds: unknown });
      if (policy.nonCancellablePublishers.includes(publisher))
        throw reject('CancelNotSupported', { remedy: 'waitOrTransfer', ...present({ expiresAt }) });
      if (from !== 'completed') throw reject('InvalidTransition', { itemId: purchaseId, from, to: 'cancelled' });
      if (hasPassed(cancellationAllowedUntil, now))
        throw reject('CancellationWindowClosed', {
          closedAt: cancellationAllowedUntil,
          ...(expiresAt === undefined ? { remedy: 'transfer' } : { termEndsAt: expiresAt }),
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

  ExpireSoftware: {
    ...passingTime,
    rules: ['R8', 'R20'],
    emits: ['SoftwareExpired'],
  },
} satisfies CommandTable<SoftwareCommands>;

export const softwareSteps = {
  SoftwarePurchased(state, { purchaseId, kind, publisher, name, lineItems, cancellationAllowedUntil, expiresAt }) {
    state.software.set(purchaseId, {
      relationshipTerm: state.relationshipTerm,
      kind,
      publisher,
      name,
      cancellationAllowedUntil,
      ...present({ expiresAt }),
      // An earlier release accepted lists in place of line items: such a line has no id and cannot be named.
      lineItems: new Map(
        lineItems.flatMap(({ lineItemId }: Partial<SoftwareLineItem>) =>
          lineItemId === undefined ? [] : [[lineItemId, false]],
        ),
      ),
      status: 'completed',
    });
  },
  SoftwareLineItemCancelled(state, { purchaseId, lineItemId }) {
    state.software.get(purchaseId)?.lineItems.set(lineItemId, true);
  },
  SoftwarePurchaseCancelled(state, { purchaseId }) {
    const purchase = state.software.get(purchaseId);
    if (purchase) purchase.status = 'cancelled';
  },
} satisfies Steps;

function invalid(field: keyof SoftwareCommands['PurchaseSoftware'] | 'lineItemIds', rule: string) {
  return reject('InvalidItem', { field, rule });
}
