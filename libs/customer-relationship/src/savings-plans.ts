import type { Instant, TermDuration } from './calendar.js';
import type { Buyer, Money } from './parties.js';

export interface SavingsPlanCommands {
  PurchaseSavingsPlan: {
    readonly savingsPlanId: string;
    readonly name: string;
    /** One or three years. */
    readonly termDuration: Exclude<TermDuration, 'P1M'>;
    readonly hourlyCommitment: Money;
    readonly boughtBy?: Buyer;
    readonly effectiveAt?: Instant;
  };
  /** Always refused (rule V10): the caller learns why and when the plan ends. */
  CancelSavingsPlan: { readonly savingsPlanId: string };
  ExpireSavingsPlan: { readonly savingsPlanId: string };
}
