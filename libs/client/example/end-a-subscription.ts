import { ledgerClient, LedgerProblem } from '@reseller-ledger/client';

// Buys a subscription for a new customer, meets a refusal, suspends the subscription, reads what has happened and follows
// the feed. Needs a running server and two tokens: see the README beside.

const { LEDGER_URL = 'http://127.0.0.1:3000', PARTNER_TOKEN, RELAY_TOKEN } = process.env;
if (!PARTNER_TOKEN || !RELAY_TOKEN)
  throw new Error('Set PARTNER_TOKEN to the token of a Global admin, and RELAY_TOKEN to that of an app of the partner');

const ledger = ledgerClient({ baseUrl: LEDGER_URL, token: PARTNER_TOKEN });
const relay = ledgerClient({ baseUrl: LEDGER_URL, token: RELAY_TOKEN });
const customer = { customerId: crypto.randomUUID() };
const start = ledger.position();

await ledger.POST('/v1/customers/{customerId}/reseller-relationship/request', {
  params: { path: customer },
  body: { customer: { name: 'Fabrikam' }, market: process.env['MARKET'] ?? 'US' },
});
await relay.POST('/v1/customers/{customerId}/reseller-relationship/accept', {
  params: { path: customer },
  body: { acceptedBy: { userId: 'admin@fabrikam.example', globalAdmin: true } },
});
await ledger.POST('/v1/customers/{customerId}/agreement/confirm', { params: { path: customer } });
await ledger.POST('/v1/customers/{customerId}/subscriptions', {
  params: { path: customer },
  body: {
    subscriptionId: 'sub-1',
    kind: 'newCommerce',
    offerId: 'CFQ7TTC0LH18:0001',
    name: 'Business Basic',
    quantity: 5,
    termDuration: 'P1Y',
    billingCycle: 'monthly',
    provisioned: true,
  },
});

try {
  await ledger.POST('/v1/customers/{customerId}/reseller-relationship/remove', {
    params: { path: customer, header: { 'If-Match': '*' } },
    body: { noticeGiven: true },
  });
} catch (error) {
  if (!(error instanceof LedgerProblem) || error.code !== 'RemovalBlocked') throw error;
  for (const { displayName, remedy } of error.problem.blockers ?? []) console.log(`${displayName} blocks: ${remedy}`);
}

await ledger.POST('/v1/customers/{customerId}/subscriptions/{subscriptionId}/suspend', {
  params: { path: { ...customer, subscriptionId: 'sub-1' } },
  body: { reason: 'customerRequest', comment: 'Ended with the customer' },
});

// The list includes the suspension, whichever server answers.
for await (const item of ledger.items('/v1/customers/{customerId}/items', { params: { path: customer } }))
  console.log(`${item.name} is ${item.status}`);

const ending = new AbortController();
const filters = { customerId: customer.customerId };
for await (const { event } of ledger.follow({ ...(start ? { after: start } : {}), filters, signal: ending.signal })) {
  console.log(`${event.time} ${event.type}`);
  if (event.type === 'SubscriptionSuspended') ending.abort();
}
