import createClient from 'openapi-fetch';
import type { paths } from './generated/api.js';
import { asCustomer, asPartner, baseUrl, customerId, expect, key, partnerId, purchase, request } from '../story.js';

const partner = createClient<paths>({ baseUrl, headers: asPartner() });
const customer = createClient<paths>({ baseUrl, headers: asCustomer() });
const path = { customerId };

const requested = await partner.POST('/v1/customers/{customerId}/reseller-relationship/request', {
  params: { path, header: key() },
  body: request,
});
expect('the status after the request', requested.data?.relationship.status, 'requested');
const accepted = await customer.POST('/v1/partners/{partnerId}/customers/{customerId}/reseller-relationship/accept', {
  params: { path: { partnerId, customerId }, header: key() },
  body: {},
});
expect('the status after the acceptance', accepted.data?.relationship.status, 'active');
const confirmed = await partner.POST('/v1/customers/{customerId}/agreement/confirm', {
  params: { path, header: key() },
  body: {},
});
expect('the problem of the confirmation', confirmed.error, undefined);

const purchased = await partner.POST('/v1/customers/{customerId}/subscriptions', {
  params: { path, header: key() },
  body: purchase,
});
expect('the HTTP status of the purchase', purchased.response.status, 201);
expect('the first event of the purchase', purchased.data?.events[0], 'SubscriptionPurchased');

const listed = await partner.GET('/v1/customers/{customerId}/items', {
  params: { path, query: { atLeast: purchased.data?.position } },
});
expect('the first item', listed.data?.items[0]?.itemId, 'mail-1');

const refused = await partner.POST('/v1/customers/{customerId}/reseller-relationship/remove', {
  params: { path, header: { ...key(), 'If-Match': '*' } },
  body: {},
});
expect('the code of the refusal', refused.error?.code, 'RemovalBlocked');
expect('the remedy of the first blocker', refused.error?.blockers?.[0]?.remedyCommand, 'SuspendSubscription');

const tried = await partner.POST('/v1/customers/{customerId}/subscriptions/{subscriptionId}/suspend', {
  params: { path: { customerId, subscriptionId: 'mail-1' }, query: { dryRun: true } },
  body: { reason: 'customerRequest' },
});
expect('dryRun', tried.data?.dryRun, true);
expect('the first event that it would record', tried.data?.wouldRecord?.[0]?.type, 'SubscriptionSuspended');
