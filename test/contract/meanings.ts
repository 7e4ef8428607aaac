import fc from 'fast-check';
import type { Json } from './schema-changes.js';
import { oneIn, pick, type Draw, type Meaning } from './values.js';
import type { Customer, World } from './world.js';

// What a schema cannot say and an answer other than a refusal depends on: the partner's own market, a time long enough ago
// for something to have ended since, a name that nobody has.

export interface KnownPartner {
  readonly tenantId: string;
  readonly partnerId: string;
  readonly name: string;
  readonly market: string;
}

const day = 24 * 60 * 60 * 1000;
const roles = [
  '88d8e3e3-8f55-4a1e-953a-9b9898b8876b',
  '729827e3-9c14-49f7-bb1b-9608f156bbb8',
  'fe930be7-5e62-47db-91af-98c3a49a38b1',
];

/** In place of what the schemas of a command's fields alone would give, in two of three requests or more. */
export function meaningsFor(
  draw: Draw,
  operation: string,
  world: World,
  customer: Customer,
  partner: KnownPartner,
  now: number,
): Meaning {
  const longAgo = pick(
    draw,
    [0, 1, 20, 40, 100, 400, 500, 1200, 1300].map((days) => days * day),
  );
  const known: Readonly<Record<string, () => Json | undefined>> = {
    market: () => partner.market,
    customer: () => ({ name: world.newName() }),
    indirectResellerId: () => undefined,
    delegatedAdmin: () => false,
    effectiveAt: () =>
      operation === 'recordLegacyDelegatedAdmin' ? '2023-06-01T00:00:00Z' : new Date(now - longAgo).toISOString(),
    agreedAt: () => new Date(now - longAgo).toISOString(),
    cancellationAllowedUntil: () => new Date(now + 10 * day).toISOString(),
    commitmentEndDate: () => new Date(now + 10 * day).toISOString(),
    contact: () => ({ tenantId: partner.tenantId, partnerId: partner.partnerId, name: partner.name }),
    roles: () => roles,
    groupId: () => draw(fc.uuid()),
    name: () => world.newName(),
    durationDays: () => 365,
    autoExtendDays: () => 180,
    noticeGiven: () => true,
    commitmentUsdCents: () => 100,
    exchange: () => oneIn(draw, 2),
    settled: () => oneIn(draw, 3),
    acceptedBy: () => ({ userId: 'chris', globalAdmin: true }),
    approvedBy: () => ({ userId: 'chris', globalAdmin: true }),
    declinedBy: () => ({ userId: 'chris', globalAdmin: true }),
    lineItemIds: () => ['line-1'],
    ...(operation === 'cancelAzureSubscription' ? { reason: () => 'compromise' } : {}),
    ...Object.fromEntries(
      [
        'subscriptionId',
        'azureSubscriptionId',
        'reservationId',
        'purchaseId',
        'savingsPlanId',
        'grantId',
        'assignmentId',
      ]
        // Seldom one that has been used: an id is never used twice.
        .map((name) => [name, () => usedId(draw, customer, name) ?? world.newId(draw)]),
    ),
  };
  return (name) => (oneIn(draw, 6) ? undefined : known[name]?.());
}

function usedId(draw: Draw, customer: Customer, name: string): string | undefined {
  const used = customer.items.filter((item) => name in item);
  return used.length > 0 && oneIn(draw, 12) ? pick(draw, used)[name] : undefined;
}

/** A purchase whose parts go together, which is seldom drawn from a schema. */
export function purchaseBody(draw: Draw, operation: string, world: World, now: number): Json | undefined {
  const provisioned = !oneIn(draw, 4);
  const effectiveAt = new Date(now - pick(draw, [0, 1, 40, 100, 400, 1300]) * day).toISOString();
  const name = world.newName();
  if (operation === 'purchaseSubscription') {
    const base = { subscriptionId: world.newId(draw), offerId: 'CFQ7TTC0LH18:0001', name, quantity: 5, effectiveAt };
    const termDuration = pick(draw, ['P1M', 'P1Y']);
    const autoRenew = oneIn(draw, 2);
    return pick<Json>(draw, [
      { ...base, kind: 'newCommerce', termDuration, billingCycle: 'monthly', provisioned, autoRenew },
      { ...base, kind: 'legacy', termDuration, billingCycle: 'annual', provisioned, autoRenew },
      { ...base, kind: 'marketplace', termDuration, billingCycle: 'monthly', provisioned, autoRenew },
      { ...base, kind: 'azurePlan', quantity: 1, provisioned: true },
      { ...base, kind: 'azurePlan', quantity: 1, provisioned: true },
    ]);
  }
  if (operation === 'purchaseSoftware') {
    const lineItems = [
      { lineItemId: 'line-1', name: 'Server', quantity: 1 },
      { lineItemId: 'line-2', name: 'Server', quantity: 2 },
    ];
    const base = { purchaseId: world.newId(draw), publisher: 'microsoft', name, lineItems, effectiveAt };
    return pick<Json>(draw, [
      { ...base, kind: 'perpetual' },
      { ...base, kind: 'subscription', termDuration: pick(draw, ['P1Y', 'P3Y']) },
    ]);
  }
  return undefined;
}
