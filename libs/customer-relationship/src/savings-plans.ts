import {
  commitmentEndFault,
  current,
  effectiveFault,
  effectiveTime,
  refuseFaults,
  requireNew,
  requirePurchase,
} from './admission.js';
import { termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import { event } from './event.js';
import type { Buyer, Money } from './parties.js';
import { reject } from './rejections.js';
import { byUserOrApp } from './rights.js';
import { rulesOfSale } from './rules.js';
import { passingTime } from './settling.js';

export interface SavingsPlanCommands {
  /** Buys a savings plan. */
  PurchaseSavingsPlan: {
    readonly savingsPlanId: string;
    readonly name: string;
    /** One or three years. */
    readonly termDuration: Exclude<TermDuration, 'P1M'>;
    readonly hourlyCommitment: Money;
    readonly boughtBy?: Buyer;
    /** Its end (inclusive), where it is not the computed one: co-termed (rule T3). */
    readonly commitmentEndDate?: Instant;
    readonly effectiveAt?: Instant;
  };
  /** Always refused (rule V10): the answer says why, and when the plan ends. */
  CancelSavingsPlan: { readonly savingsPlanId: string };
  /** Records that the term of a savings plan has ended; not before it is due. */
  ExpireSavingsPlan: { readonly savingsPlanId: string };
}

const right = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent');

export const savingsPlanCommands = {
  PurchaseSavingsPlan: {
    right,
    rules: [...rulesOfSale, 'V10', 'T3'],
    emits: ['SavingsPlanPurchased'],
    decide(state, data, context) {
      requirePurchase(state, context);
      const { savingsPlanId, name, termDuration, hourlyCommitment, boughtBy = 'partner', commitmentEndDate } = data;
      const purchasedAt = effectiveTime(data.effectiveAt, context.now);
      requireNew(state.savingsPlans, 'savingsPlan', savingsPlanId);
      const termEndsAt = termEnd(purchasedAt, termDuration);
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, context.now),
        commitmentEndFault(commitmentEndDate, purchasedAt, (start) => termEnd(start, termDuration), context.now),
      );

      return [
        event('SavingsPlanPurchased', {
          savingsPlanId,
          name,
          termDuration,
          hourlyCommitment,
          boughtBy,
          purchasedAt,
          expiresAt: commitmentEndDate ?? termEndsAt,
        }),
      ];
    },
  },

  CancelSavingsPlan: {
    right,
    rules: ['R20', 'V10'],
    emits: [],
    decide(state, { savingsPlanId }) {
      const { status, expiresAt } = current(state, state.savingsPlans, 'savingsPlan', savingsPlanId);
      if (status === 'expired')
        throw reject('InvalidTransition', { itemId: savingsPlanId, from: status, to: 'cancelled' });
      throw reject('SavingsPlanNotCancellable', { remedy: 'waitOrTransfer', expiresAt });
    },
  },

  ExpireSavingsPlan: {
    ...passingTime,
    rules: ['R10', 'R20'],
    emits: ['SavingsPlanExpired'],
  },
} satisfies CommandTable<SavingsPlanCommands>;

export const savingsPlanSteps = {
  SavingsPlanPurchased(state, { savingsPlanId, name, expiresAt }) {
    state.savingsPlans.set(savingsPlanId, {
      relationshipTerm: state.relationshipTerm,
      name,
      expiresAt,
      status: 'active',
    });
  },
} satisfies Steps;
