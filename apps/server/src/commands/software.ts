import {
  buyers,
  softwareKinds,
  softwarePublishers,
  type Buyer,
  type Money,
  type SoftwareKind,
  type SoftwareLineItem,
  type SoftwarePublisher,
  type SoftwareCommands,
} from '#customer-relationship';
import { Flag, ItemId, ListOf, MoneyAmount, Nested, OneOf, Optional, Text, Time, Whole } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody, LateFactBody } from './commented-body.js';

class LineItemFields implements SoftwareLineItem {
  @ItemId('line-1') lineItemId!: string;
  @Text(200) name!: string;
  @Whole(1, 1_000_000) quantity!: number;
  @Optional(MoneyAmount()) price?: Money;
}

class PurchaseSoftwareBody extends CommentedBody {
  @ItemId('sw-0001') purchaseId!: string;
  @OneOf(softwareKinds) kind!: SoftwareKind;
  @OneOf(softwarePublishers) publisher!: SoftwarePublisher;
  @Text(200) name!: string;
  @ListOf(Nested(LineItemFields), 1, 100) lineItems!: readonly LineItemFields[];
  @Optional(OneOf(['P1Y', 'P3Y'])) termDuration?: 'P1Y' | 'P3Y';
  @Optional(Flag()) autoRenew?: boolean;
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) commitmentEndDate?: string;
  @Optional(Time()) cancellationAllowedUntil?: string;
  @Optional(Time()) effectiveAt?: string;
}

class CancelSoftwarePurchaseBody extends LateFactBody {
  @Optional(ListOf(ItemId('line-1'), 1, 100)) lineItemIds?: readonly string[];
}

class SetSoftwareAutoRenewBody extends LateFactBody {
  @Flag() autoRenew!: boolean;
}

export const softwareRoutes = routesOf<SoftwareCommands>()({
  PurchaseSoftware: {
    path: 'software',
    body: PurchaseSoftwareBody,
    creates: { event: 'SoftwarePurchased', at: 'software/:purchaseId' },
  },
  CancelSoftwarePurchase: { path: 'software/:purchaseId/cancel', body: CancelSoftwarePurchaseBody },
  SetSoftwareAutoRenew: { path: 'software/:purchaseId/auto-renew', body: SetSoftwareAutoRenewBody },
  RenewSoftware: { path: 'software/:purchaseId/renew', body: CommentedBody },
  ExpireSoftware: { path: 'software/:purchaseId/expire', body: CommentedBody },
});
