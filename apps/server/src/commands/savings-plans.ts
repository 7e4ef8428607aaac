import { buyers, type Buyer, type Money, type SavingsPlanCommands } from '#customer-relationship';
import { ItemId, MoneyAmount, OneOf, Optional, Text, Time } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody } from './commented-body.js';

class PurchaseSavingsPlanBody extends CommentedBody {
  @ItemId('plan-0001') savingsPlanId!: string;
  @Text(200) name!: string;
  @OneOf(['P1Y', 'P3Y']) termDuration!: 'P1Y' | 'P3Y';
  @MoneyAmount() hourlyCommitment!: Money;
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) commitmentEndDate?: string;
  @Optional(Time()) effectiveAt?: string;
}

export const savingsPlanRoutes = routesOf<SavingsPlanCommands>()({
  PurchaseSavingsPlan: {
    path: 'savings-plans',
    body: PurchaseSavingsPlanBody,
    creates: { event: 'SavingsPlanPurchased', at: 'savings-plans/:savingsPlanId' },
  },
  CancelSavingsPlan: { path: 'savings-plans/:savingsPlanId/cancel', body: CommentedBody },
  ExpireSavingsPlan: { path: 'savings-plans/:savingsPlanId/expire', body: CommentedBody },
});
