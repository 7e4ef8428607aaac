import type { Instant, TermDuration } from './calendar.js';
import type { SoftwareKind, SoftwareLineItem, SoftwarePublisher } from './events.js';
import type { Buyer } from './parties.js';

export interface SoftwareCommands {
  PurchaseSoftware: {
    readonly purchaseId: string;
    readonly kind: SoftwareKind;
    readonly publisher: SoftwarePublisher;
    readonly name: string;
    readonly lineItems: readonly SoftwareLineItem[];
    /** One or three years for a software subscription; none for perpetual software. */
    readonly termDuration?: Exclude<TermDuration, 'P1M'>;
    readonly boughtBy?: Buyer;
    readonly cancellationAllowedUntil?: Instant;
    readonly effectiveAt?: Instant;
  };
  /** The whole purchase, or the line items named. */
  CancelSoftwarePurchase: { readonly purchaseId: string; readonly lineItemIds?: readonly string[] };
  ExpireSoftware: { readonly purchaseId: string };
}
