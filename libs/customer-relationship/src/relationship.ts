import type { Frozen, Rejection } from '#event-sourcing';
import {
  customerSignature,
  effectiveFault,
  effectiveTime,
  refuseFaults,
  requireActive,
  requireCustomerGlobalAdmin,
  requirePartnerType,
  requireKnown,
  requireSeller,
  type RelayedSignature,
} from './admission.js';
import { addDays, hasPassed, type Instant } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Context, Steps } from './context.js';
import { grantOfferedWithRelationship } from './delegated-admin.js';
import { event, present } from './event.js';
import { isTenantId } from './parties.js';
import { reject } from './rejections.js';
import { decideRemoval, endTerm, rulesOfRemoval } from './removal.js';
import { byUser, byUserOrApp, customerDecision } from './rights.js';
import { salesRegionOf } from './sales-regions.js';
import { passingTime } from './settling.js';
import type { CustomerRelationship, RelationshipStatus } from './state.js';

export interface RelationshipLifecycleCommands {
  /** Asks the customer for a reseller relationship; the request waits for an answer until it lapses. */
  RequestResellerRelationship: {
    readonly customer: { readonly name: string; readonly domain?: string };
    /** The customer's country or region, ISO 3166-1 alpha-2; in the partner's sales region (rules R26, R26a). */
    readonly market: string;
    /** Ask for delegated admin privileges (DAP) too; only while they were offered (rule G10). */
    readonly delegatedAdmin?: boolean;
    /** Tenant of the indirect reseller invited together with the provider. */
    readonly indirectResellerId?: string;
    readonly effectiveAt?: Instant;
  };
  /** Accepts the open request: the relationship is active from now on. */
  AcceptResellerRelationship: { readonly acceptedBy?: RelayedSignature };
  /** Declines the open request. */
  DeclineResellerRelationship: { readonly declinedBy?: RelayedSignature };
  /** Takes the open request back before the customer has answered. */
  WithdrawRelationshipRequest: Record<never, never>;
  /** Records that the request has lapsed; not before it is due. */
  ExpireRelationshipRequest: Record<never, never>;
  /** Records that the customer has agreed to the customer agreement, without which nothing can be bought. */
  ConfirmCustomerAgreement: {
    /** When the customer agreed; not in the future. */
    readonly agreedAt?: Instant;
  };
  /** Changes the name or the domain of the customer; a field that is not sent stays, and an empty domain clears it. */
  UpdateCustomerProfile: { readonly name?: string; readonly domain?: string };
  /** Ends the reseller relationship. Refused, with every blocker, while active items remain. */
  RemoveResellerRelationship: {
    /** The partner has given the customer the required legal notice (rule R21). */
    readonly noticeGiven?: boolean;
  };
}

export const lifecycleCommands = {
  /** Rules R3, R22, R24, R26, R26a, R27, G10; R1a: an indirect reseller's provider sends it in its place. */
  RequestResellerRelationship: {
    right: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
    rules: ['R3', 'R22', 'R24', 'R26', 'R27', 'R29', 'G10', 'D1'],
    emits: ['ResellerRelationshipRequested'],
    decide(state, data, context) {
      const { now, policy, partner, customerId } = context;
      requireSeller(context);
      const requestedAt = effectiveTime(data.effectiveAt, now);
      const indirectReseller = partner.resellers.find(({ tenantId }) => tenantId === data.indirectResellerId);
      if (state.status === 'active') throw reject('AlreadyActive', { establishedAt: state.establishedAt });
      if (state.request)
        throw reject('RequestAlreadyOpen', {
          requestedAt: state.request.requestedAt,
          expiresAt: state.request.expiresAt,
        });
      const delegatedAdmin = data.delegatedAdmin ?? false;
      const expiresAt = addDays(requestedAt, policy.relationshipRequestDays);
      // A request dated back to that time can no longer be accepted once it has lapsed.
      if (delegatedAdmin && (requestedAt >= policy.delegatedAdmin.dapOfferedUntil || hasPassed(expiresAt, now)))
        throw reject('DapNoLongerOffered', { offeredUntil: policy.delegatedAdmin.dapOfferedUntil });
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, now),
        customerFault(context, data.indirectResellerId),
        marketFault(data.market, context),
        data.indirectResellerId !== undefined && !indirectReseller
          ? reject('ResellerNotRelated', { indirectResellerId: data.indirectResellerId })
          : undefined,
      );

      const { tenantId, partnerId, name, type } = partner;
      return [
        event('ResellerRelationshipRequested', {
          partnerId: partner.tenantId,
          customerId,
          partner: { tenantId, partnerId, name, type },
          customer: data.customer,
          market: data.market,
          delegatedAdmin,
          ...present({ indirectReseller }),
          requestedAt,
          expiresAt,
        }),
      ];
    },
  },

  /** Rules R25, R29; R1a: an indirect reseller's request, older than that rule, cannot be accepted. */
  AcceptResellerRelationship: {
    right: customerDecision,
    rules: ['R3', 'R22', 'R23', 'R25', 'R29', 'G10'],
    emits: ['ResellerRelationshipEstablished'],
    brings: ['DelegatedAdminPrivilegesGranted'],
    decide(state, { acceptedBy }, context) {
      requirePartnerType(context);
      const signature = customerSignature(acceptedBy, context);
      const request = openRequest(state);
      const relationshipTerm = state.relationshipTerm + 1;
      return [
        event('ResellerRelationshipEstablished', {
          relationshipTerm,
          acceptedBy: signature,
          establishedAt: context.now,
        }),
        ...(request.delegatedAdmin ? grantOfferedWithRelationship(relationshipTerm, context.now) : []),
      ];
    },
  },

  DeclineResellerRelationship: {
    right: customerDecision,
    rules: ['R25', 'R29'],
    emits: ['ResellerRelationshipRequestDeclined'],
    decide(state, { declinedBy }, context) {
      const signature = customerSignature(declinedBy, context);
      openRequest(state);
      return [event('ResellerRelationshipRequestDeclined', { declinedBy: signature, declinedAt: context.now })];
    },
  },

  WithdrawRelationshipRequest: {
    right: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
    rules: ['R24', 'R29'],
    emits: ['ResellerRelationshipRequestWithdrawn'],
    decide(state, _, context) {
      openRequest(state);
      return [event('ResellerRelationshipRequestWithdrawn', { withdrawnAt: context.now })];
    },
  },

  /** Rule R29. */
  ExpireRelationshipRequest: {
    ...passingTime,
    rules: ['R29'],
    emits: ['ResellerRelationshipRequestExpired'],
  },

  ConfirmCustomerAgreement: {
    right: { ...byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent'), customer: true },
    rules: ['R20', 'R25', 'S1', 'D1'],
    emits: ['CustomerAgreementConfirmed'],
    decide(state, data, context) {
      const { now, actor } = context;
      const confirmedBy = actor.kind === 'customerUser' ? 'customer' : 'partner';
      if (confirmedBy === 'customer') requireCustomerGlobalAdmin('ConfirmCustomerAgreement', context);
      requireActive(state);
      if (state.agreementConfirmedAt) throw reject('NothingToChange', { confirmedAt: state.agreementConfirmedAt });
      refuseFaults(effectiveFault('agreedAt', data.agreedAt, now));
      const agreedAt = effectiveTime(data.agreedAt, now);
      return [event('CustomerAgreementConfirmed', { confirmedBy, agreedAt, confirmedAt: now })];
    },
  },

  UpdateCustomerProfile: {
    right: byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
    rules: ['R20'],
    emits: ['CustomerProfileUpdated'],
    decide(state, { name, domain }, { now }) {
      requireActive(state);
      const { customer } = state;
      const changes = present({
        name: name === customer.name ? undefined : name,
        // An empty domain clears it; upper and lower case are the same domain.
        domain: domain?.toLowerCase() === (customer.domain ?? '').toLowerCase() ? undefined : domain,
      });
      if (Object.keys(changes).length === 0) throw reject('NothingToChange');
      return [event('CustomerProfileUpdated', { ...changes, updatedAt: now })];
    },
  },

  RemoveResellerRelationship: {
    right: byUser('GlobalAdmin'),
    rules: rulesOfRemoval,
    emits: ['ResellerRelationshipRemoved'],
    brings: ['SupportContactWithdrawn', 'DelegatedAdminPrivilegesRevoked'],
    decide: decideRemoval,
  },
} satisfies CommandTable<RelationshipLifecycleCommands>;

export const relationshipSteps = {
  ResellerRelationshipRequested(
    state,
    { partner, customer, indirectReseller, requestedAt, expiresAt, delegatedAdmin },
  ) {
    state.status = 'requested';
    delete state.requestExpiredAt;
    state.customer = { ...customer };
    const { tenantId, partnerId, name } = partner;
    const supportContacts = [{ tenantId, partnerId, name }, ...(indirectReseller ? [indirectReseller] : [])];
    state.request = { requestedAt, expiresAt, delegatedAdmin, supportContacts };
  },
  ResellerRelationshipRequestDeclined(state) {
    closeRequest(state, 'requestDeclined');
  },
  ResellerRelationshipRequestWithdrawn(state) {
    closeRequest(state, 'requestWithdrawn');
  },
  ResellerRelationshipEstablished(state, { relationshipTerm, establishedAt }) {
    state.status = 'active';
    state.relationshipTerm = relationshipTerm;
    state.establishedAt = establishedAt;
    state.availableSupportContacts = [...(state.request?.supportContacts ?? [])];
    delete state.request;
  },
  CustomerAgreementConfirmed(state, { confirmedAt }) {
    state.agreementConfirmedAt = confirmedAt;
  },
  CustomerProfileUpdated(state, { name, domain }) {
    if (name !== undefined) state.customer.name = name;
    if (domain === '') delete state.customer.domain;
    else if (domain !== undefined) state.customer.domain = domain;
  },
  ResellerRelationshipRemoved: endTerm,
} satisfies Steps;

function closeRequest(state: CustomerRelationship, status: RelationshipStatus): void {
  state.status = status;
  delete state.request;
}

/** A customer is a tenant of its own: not a placeholder, not the partner, and not the reseller that is invited too. */
function customerFault(
  { customerId, partner }: Context,
  indirectResellerId: string | undefined,
): Rejection | undefined {
  if (!isTenantId(customerId)) return reject('InvalidCustomer', { customerId, rule: 'notAPlaceholder' });
  if (customerId === partner.tenantId) return reject('InvalidCustomer', { customerId, rule: 'notThePartner' });
  if (customerId === indirectResellerId) return reject('InvalidCustomer', { customerId, rule: 'notTheReseller' });
  return undefined;
}

/** The partner sells in its sales region (rule R26a), or only in its country if the policy has no regions. */
function marketFault(customerMarket: string, { partner, policy, salesRegions }: Context): Rejection | undefined {
  const markets = { partnerMarket: partner.market, customerMarket };
  if (!policy.salesRegions) return customerMarket === partner.market ? undefined : reject('MarketMismatch', markets);
  const partnerRegion = salesRegionOf(partner.market, policy.salesRegions, salesRegions);
  const customerRegion = salesRegionOf(customerMarket, policy.salesRegions, salesRegions);
  if (customerRegion === partnerRegion) return undefined;
  return reject('MarketMismatch', { ...markets, partnerRegion, customerRegion });
}

/** The request that waits for an answer (rule R29). */
function openRequest(state: Frozen<CustomerRelationship>) {
  requireKnown(state);
  const { request, status } = state;
  if (request) return request;
  if (status === 'active') throw reject('AlreadyActive', { establishedAt: state.establishedAt });
  if (status === 'requestExpired') throw reject('RequestExpired', { expiredAt: state.requestExpiredAt });
  throw reject('NoOpenRequest', { status });
}
