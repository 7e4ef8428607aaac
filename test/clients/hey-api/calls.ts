import { createClient } from './generated/client/index.js';
import * as ledger from './generated/index.js';
import { asCustomer, asPartner, baseUrl, customerId, expect, key, partnerId, purchase, request } from '../story.js';

const client = createClient({ baseUrl, headers: asPartner() });
const customer = createClient({ baseUrl, headers: asCustomer() });
const path = { customerId };

const requested = await ledger.requestResellerRelationship({ client, path, headers: key(), body: request });
expect('the status after the request', requested.data?.relationship.status, 'requested');
const accepted = await ledger.acceptResellerRelationshipOfPartner({
  client: customer,
  path: { partnerId, customerId },
  headers: key(),
  body: {},
});
expect('the status after the acceptance', accepted.data?.relationship.status, 'active');
const confirmed = await ledger.confirmCustomerAgreement({ client, path, headers: key(), body: {} });
expect('the problem of the confirmation', confirmed.error, undefined);

const purchased = await ledger.purchaseSubscription({ client, path, headers: key(), body: purchase });
expect('the HTTP status of the purchase', purchased.response?.status, 201);
expect('the first event of the purchase', purchased.data?.events[0], 'SubscriptionPurchased');

const listed = await ledger.listItemsOfCustomer({ client, path, query: { atLeast: purchased.data?.position } });
expect('the first item', listed.data?.items[0]?.itemId, 'mail-1');

const refused = await ledger.removeResellerRelationship({
  client,
  path,
  headers: { ...key(), 'If-Match': '*' },
  body: {},
});
expect('the code of the refusal', refused.error?.code, 'RemovalBlocked');
expect('the remedy of the first blocker', refused.error?.blockers?.[0]?.remedyCommand, 'SuspendSubscription');

const tried = await ledger.suspendSubscription({
  client,
  path: { customerId, subscriptionId: 'mail-1' },
  query: { dryRun: true },
  body: { reason: 'customerRequest' },
});
expect('dryRun', tried.data?.dryRun, true);
expect('the first event that it would record', tried.data?.wouldRecord?.[0]?.type, 'SubscriptionSuspended');
