import * as ledger from './generated/api.js';
import { asCustomer, asPartner, customerId, expect, key, partnerId, purchase, request } from '../story.js';

const command = () => ({ headers: { ...asPartner(), ...key() } });

const requested = await ledger.requestResellerRelationship(customerId, request, undefined, command());
expect('the status after the request', requested.data.relationship.status, 'requested');
const accepted = await ledger.acceptResellerRelationshipOfPartner(partnerId, customerId, {}, undefined, {
  headers: { ...asCustomer(), ...key() },
});
expect('the status after the acceptance', accepted.data.relationship.status, 'active');
await ledger.confirmCustomerAgreement(customerId, {}, undefined, command());

const purchased = await ledger.purchaseSubscription(customerId, purchase, undefined, command());
expect('the HTTP status of the purchase', purchased.status, 201);
expect('the first event of the purchase', purchased.data.events[0], 'SubscriptionPurchased');

const listed = await ledger.listItemsOfCustomer(
  customerId,
  { atLeast: purchased.data.position },
  { headers: asPartner() },
);
expect('the first item', listed.data.items[0]?.itemId, 'mail-1');

const problem = await ledger
  .removeResellerRelationship(customerId, {}, undefined, {
    headers: { ...asPartner(), ...key(), 'If-Match': '*' },
  })
  .then(
    () => undefined,
    (error: Error & { info?: ledger.removeResellerRelationshipResponseError['data'] }) => error.info,
  );
expect('the code of the refusal', problem?.code, 'RemovalBlocked');
expect('the remedy of the first blocker', problem?.blockers?.[0]?.remedyCommand, 'SuspendSubscription');

const tried = await ledger.suspendSubscription(
  customerId,
  'mail-1',
  { reason: 'customerRequest' },
  { dryRun: true },
  { headers: asPartner() },
);
expect('dryRun', tried.data.dryRun, true);
expect('the first event that it would record', tried.data.wouldRecord?.[0]?.type, 'SubscriptionSuspended');
