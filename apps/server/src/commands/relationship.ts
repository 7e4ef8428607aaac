import type { RelayedSignature, RelationshipLifecycleCommands } from '#customer-relationship';
import { Flag, Guid, Matching, Nested, Optional, PrincipalId, Text, Time } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody } from './commented-body.js';

// The last label is letters, or an internationalised label in its ASCII form.
const domainName =
  /^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$/;
const Domain = () => Matching(domainName, 'a domain name such as contoso.example', 'contoso.example');
const DomainOrNone = () =>
  Matching(
    new RegExp(`^$|${domainName.source}`),
    'a domain name such as contoso.example, or empty, which clears it',
    'contoso.example',
  );
const Market = () => Matching(/^[A-Z]{2}$/, 'a country or region code of ISO 3166-1 such as US', 'US');

class CustomerFields {
  @Text(200) name!: string;
  @Optional(Domain()) domain?: string;
}

class RequestResellerRelationshipBody extends CommentedBody {
  @Nested(CustomerFields) customer!: CustomerFields;
  @Market() market!: string;
  @Optional(Flag()) delegatedAdmin?: boolean;
  @Optional(Guid()) indirectResellerId?: string;
  @Optional(Time()) effectiveAt?: string;
}

/** A decision of the customer's that an app of the partner relays: who decided, and whether as a Global admin. */
export class SignatureFields implements RelayedSignature {
  @PrincipalId() userId!: string;
  @Flag() globalAdmin!: boolean;
}

class AcceptResellerRelationshipBody extends CommentedBody {
  @Optional(Nested(SignatureFields)) acceptedBy?: SignatureFields;
}

class DeclineResellerRelationshipBody extends CommentedBody {
  @Optional(Nested(SignatureFields)) declinedBy?: SignatureFields;
}

class RemoveResellerRelationshipBody extends CommentedBody {
  @Optional(Flag()) noticeGiven?: boolean;
}

class ConfirmCustomerAgreementBody extends CommentedBody {
  @Optional(Time()) agreedAt?: string;
}

class UpdateCustomerProfileBody extends CommentedBody {
  @Optional(Text(200)) name?: string;
  @Optional(DomainOrNone()) domain?: string;
}

export const relationshipRoutes = routesOf<RelationshipLifecycleCommands>()({
  RequestResellerRelationship: { path: 'reseller-relationship/request', body: RequestResellerRelationshipBody },
  AcceptResellerRelationship: { path: 'reseller-relationship/accept', body: AcceptResellerRelationshipBody },
  DeclineResellerRelationship: { path: 'reseller-relationship/decline', body: DeclineResellerRelationshipBody },
  WithdrawRelationshipRequest: { path: 'reseller-relationship/withdraw', body: CommentedBody },
  ExpireRelationshipRequest: { path: 'reseller-relationship/expire', body: CommentedBody },
  RemoveResellerRelationship: {
    path: 'reseller-relationship/remove',
    body: RemoveResellerRelationshipBody,
    needsIfMatch: true,
  },
  ConfirmCustomerAgreement: { path: 'agreement/confirm', body: ConfirmCustomerAgreementBody },
  UpdateCustomerProfile: { path: 'profile/update', body: UpdateCustomerProfileBody },
});
