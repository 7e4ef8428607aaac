import { rejections, type RejectionCode, type RejectionKind } from '#customer-relationship';

// Codes, types, statuses and titles are part of the contract within /v1: callers match them. Add, never change. What `detail`
// says of one occurrence stands in refusal-details.ts; here is what it says where nothing more is known. It names what holds
// and what to do next, and is never a pointer to other members alone.

export interface ProblemText {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** Refusals that the domain knows nothing of. */
export const httpProblems = {
  MalformedBody: {
    status: 400,
    title: 'The body cannot be read',
    detail: 'Send one JSON object in UTF-8, not too deep, with each field once.',
  },
  InvalidBody: {
    status: 400,
    title: 'The body is not what this command takes',
    detail: 'Send the fields that OpenAPI shows for it. errors names each that is wrong.',
  },
  InvalidPath: {
    status: 400,
    title: 'The path holds something that is not an id',
    detail: 'Send ids as the lists have them. errors names each part that is wrong.',
  },
  InvalidQuery: {
    status: 400,
    title: 'The query holds something that this route does not take',
    detail: 'Send the parameters that OpenAPI shows for it. errors names each that is wrong.',
  },
  InvalidHeader: {
    status: 400,
    title: 'A header cannot be read',
    detail: 'Send it as OpenAPI shows it, or leave it out. errors names each that is wrong.',
  },
  InvalidCursor: {
    status: 400,
    title: 'The cursor is not one of this list',
    detail: 'Follow the Link header from the first page, with the same filters and sort.',
  },
  IdempotencyKeyMissing: {
    status: 400,
    title: 'A command needs an Idempotency-Key',
    detail: 'Send 1 to 255 visible ASCII characters, new for every command and the same for every retry of it.',
  },
  LedgerPositionUnknown: {
    status: 400,
    title: 'The position is not one of this ledger',
    detail:
      'It belongs to another ledger, lies beyond the head of this one, or belongs to a history that was lost when the ledger was restored from a backup. Ask without it.',
  },
  PartnerNotNamed: {
    status: 400,
    title: 'The path names no partner',
    detail:
      'Name the partner: addresses for a customer’s people begin with /v1/partners and the tenant of the partner.',
  },
  BadRequest: {
    status: 400,
    title: 'The request cannot be understood',
    detail: 'It is not HTTP as this server reads it. Send it as RFC 9112 has it.',
  },
  Unauthenticated: {
    status: 401,
    title: 'The request carries no token',
    detail: 'Send Authorization: Bearer with a token of the configured issuer.',
  },
  InvalidToken: {
    status: 401,
    title: 'The token is not accepted',
    detail:
      'It is malformed, expired, not yet valid, not meant for this server, signed by another key, or lacks a claim: reason names the claim or the fault. Ask the issuer for another.',
  },
  PartnerUnknown: {
    status: 403,
    title: 'The tenant is not one of this server’s partners',
    detail: 'Ask the operator to add it to the partners file.',
  },
  RouteNotFound: {
    status: 404,
    title: 'There is nothing at this address',
    detail: 'Send it to one of the routes that /docs shows.',
  },
  OperationNotFound: {
    status: 404,
    title: 'There is no such operation',
    detail: 'It is another caller’s, or forgotten: ask the question again, and the answer will be the same.',
  },
  MethodNotAllowed: {
    status: 405,
    title: 'This address takes another method',
    detail: 'Send it with one of those that the Allow header names.',
  },
  NotAcceptable: {
    status: 406,
    title: 'The answer is not there in a form that Accept asks for',
    detail: 'Ask for one of those that offered names: media types, or codings for Accept-Encoding.',
  },
  RequestTimeout: {
    status: 408,
    title: 'The request has not come to its end in time',
    detail: 'Nothing was attempted; send it again, and without pauses.',
  },
  CommandInProgress: {
    status: 409,
    title: 'The same command is being decided',
    detail: 'Retry with the same key: the answer will be that of the first.',
  },
  PreconditionFailed: {
    status: 412,
    title: 'The relationship has changed',
    detail: 'Read it again; revision is the current one.',
  },
  BodyTooLarge: {
    status: 413,
    title: 'The body is too large',
    detail:
      'It may have 64 KiB unless the operator says otherwise; that of POST /v1/commands 1 MiB. Send less at once.',
  },
  AddressTooLong: {
    status: 414,
    title: 'The address is too long',
    detail: 'No id has more than 64 characters. Send a shorter one.',
  },
  MediaTypeNotSupported: { status: 415, title: 'The body is not JSON', detail: 'Send Content-Type: application/json.' },
  ExpectationFailed: {
    status: 417,
    title: 'The request expects something that this server does not know',
    detail: 'Send Expect with 100-continue, or leave it out.',
  },
  IdempotencyKeyReused: {
    status: 422,
    title: 'The key has been used for another command',
    detail: 'A key belongs to one command with one body. Send this one with a new key.',
  },
  PreconditionRequired: {
    status: 428,
    title: 'The command needs If-Match',
    detail: 'Read the relationship and send its ETag, so that you remove what you have seen.',
  },
  TooManyStreams: {
    status: 429,
    title: 'The caller, or its tenant, has too many streams open',
    detail: 'End one of them, or read the history page by page; limit is how many may be open at once.',
  },
  TooManyRequests: {
    status: 429,
    title: 'Too many requests',
    detail:
      'Nothing was attempted: the RateLimit field says how many requests are left, or too many of yours wait already. Retry-After says when to come again.',
  },
  HeadersTooLarge: {
    status: 431,
    title: 'The headers are too large',
    detail: 'They may have 16 KiB together. Send fewer, or shorter ones.',
  },
  InternalError: {
    status: 500,
    title: 'Something went wrong in this server',
    detail: 'Ask the operator, who finds the cause in the log by the correlation id.',
  },
  PolicyUnknown: {
    status: 501,
    title: 'The policy in force then is not one that this server knows',
    detail: 'Ask a server of a release that has it: under another policy the answer would be a wrong one.',
  },
  StoreUnavailable: {
    status: 503,
    title: 'The ledger cannot be reached',
    detail: 'Nothing was written; retry with the same key.',
  },
  OutcomeUnknown: {
    status: 503,
    title: 'It is not known whether the command was recorded',
    detail: 'Retry with the same key: you will learn the outcome, and nothing happens twice.',
  },
  LogDamaged: {
    status: 503,
    title: 'The ledger is damaged',
    detail: 'Wait until the operator has restored it; retrying does not help before.',
  },
  ServerOutdated: {
    status: 503,
    title: 'This server is older than what it would have to read',
    detail:
      'A newer release has recorded something that this server does not know, so it wrote nothing. Retry with the same key: a newer server will answer.',
  },
  AuthenticationUnavailable: {
    status: 503,
    title: 'Tokens cannot be verified now',
    detail: 'The keys of the issuer could not be fetched, so nothing was attempted. Retry later.',
  },
  ViewBehind: {
    status: 503,
    title: 'The view has not yet reached the position asked for',
    detail: 'position is the one that it has reached; retry, or wait longer with Prefer: wait=n.',
  },
  ViewUnavailable: {
    status: 503,
    title: 'The view is not there',
    detail: 'The projector has not built it yet; /health/ready says how far it is. Retry later.',
  },
  AsOfUnavailable: {
    status: 503,
    title: 'The list as it stood cannot be made now',
    detail:
      'reason says why: busy, when too many wait to be made; diskFull; or failed, which the log of the server explains. Retry later.',
  },
  AsOfInProgress: {
    status: 503,
    title: 'The list as it stood is being made',
    detail:
      'Location leads to the operation that makes it. Send the same request again; Prefer: wait=n waits longer. A request that accepts application/vnd.reseller-ledger.operation+json, too, is answered with the operation (202).',
  },
  StreamsExhausted: {
    status: 503,
    title: 'The server has as many streams open as it may',
    detail: 'Retry later or at another server, or read the history page by page.',
  },
  ShuttingDown: {
    status: 503,
    title: 'The server is shutting down',
    detail: 'Nothing was attempted; retry with the same key.',
  },
} as const satisfies Record<string, ProblemText>;

export type HttpProblemCode = keyof typeof httpProblems;

/** HTTP's word for what a refusal is about. */
export const statusOfKind: Readonly<Record<RejectionKind, number>> = {
  who: 403,
  unknown: 404,
  state: 409,
  meaning: 422,
};

const rejectionTexts = {
  RoleNotAllowed: [
    'The sender does not hold the role',
    'Have somebody send this who holds a role that the command takes.',
  ],
  UserContextRequired: [
    'This needs a person',
    'The token counts as an app’s: a person’s carries scp (or what JWT_PERSON_CLAIM names), or idtyp with the value user, and no other idtyp. Sign a person in and send their token.',
  ],
  PartnerTypeNotAllowed: [
    'This type of partner may not do this',
    'Ask the indirect provider to do it, and to name the reseller: an indirect reseller neither requests nor sells nor removes.',
  ],
  PartnerRestricted: ['The partner may neither request nor sell', 'Suspending, cancelling and removing still work.'],
  ActorNotAllowed: ['A customer may not do this', 'Ask the partner.'],
  AcceptorNotGlobalAdmin: [
    'Only a Global admin of the customer decides this',
    'Directly, or relayed by an app of the partner that names the person.',
  ],
  RelationshipNotFound: [
    'There is no such relationship',
    'It has never been requested, or not by the time that was asked for. Request it first.',
  ],
  ItemNotFound: ['There is no such item', 'The lists of items and grants name those that the relationship has.'],
  LineItemNotFound: [
    'There is no such line item',
    'The purchase has no line with that id. Read the purchase for those that it has.',
  ],
  NothingToChange: [
    'Nothing would change',
    'The relationship is already as the command asks for; nothing is left to do.',
  ],
  ConcurrencyConflict: ['Others changed the relationship at the same time', 'Retry with the same key.'],
  RelationshipNotActive: [
    'The relationship is not active',
    'Only an active relationship can be removed. Request it and have the customer accept.',
  ],
  RelationshipAlreadyRemoved: ['The relationship has been removed before', 'Nothing is left to do.'],
  RemovalBlocked: [
    'Active items remain',
    'blockers name every one of them, with its remedy and the earliest date where waiting helps.',
  ],
  PurchasesNotAllowed: ['The relationship has been removed', 'Nothing can be bought until it is established again.'],
  NoRelationship: ['There is no active relationship', 'Request it and have the customer accept.'],
  AlreadyActive: ['The relationship is active already', 'There is nothing to request or to accept.'],
  RequestAlreadyOpen: ['A request is open already', 'It waits for the customer; withdraw it to ask again.'],
  NoOpenRequest: ['No request is open', 'There is nothing to answer. Request the relationship first.'],
  RequestExpired: ['The request has lapsed', 'Nobody answered it in time. Ask again.'],
  AgreementNotConfirmed: ['The customer agreement is not confirmed', 'Confirm it before anything is bought.'],
  ItemAlreadyExists: [
    'The id has been used before',
    'An id is used once per relationship and kind of item, and never again, not even after a removal. Choose another.',
  ],
  ItemOfEarlierTerm: [
    'The item belongs to an earlier term of the relationship',
    'It can be read. Buy or request anew what is to go on.',
  ],
  LimitReached: ['A limit of the relationship is reached', 'End one of those that exist, and send this again.'],
  NotDue: ['It is not time yet', 'Send it again when its time has come.'],
  InvalidTransition: ['The item is not in a state that allows this', 'Read the item to see what it takes now.'],
  TermEnded: [
    'The term has ended',
    'What was suspended when its term ended does not come back. Buy anew what is to go on.',
  ],
  CancellationWindowClosed: [
    'The cancellation window is closed',
    'Wait for the renewal, which opens the next one, or for the end of the term.',
  ],
  CancelNotSupported: ['This item cannot be cancelled', 'Suspend it, wait for its end or transfer it.'],
  ParentNotActive: ['The base subscription is not active', 'Reactivate it first.'],
  TrialStatusLocked: [
    'A trial keeps its status and quantity',
    'Switch off auto-renew to let the trial end, or wait until it has become a paid subscription.',
  ],
  SubscriptionSuspended: ['The subscription is suspended', 'It takes no change while it is. Reactivate it first.'],
  SubscriptionDeleted: ['The subscription is deleted', 'Nothing can be changed on it. Buy another.'],
  AutoRenewOff: [
    'Auto-renew is off',
    'The term ends without a renewal. Switch auto-renew on before that, or send EndSubscriptionTerm afterwards.',
  ],
  AzurePlanHasActiveSubscriptions: ['Azure subscriptions under the plan are active', 'Cancel each of them first.'],
  AzurePlanRequired: ['A reservation needs an active Azure plan', 'Buy or reactivate one first.'],
  RefundCapExceeded: [
    'The refund cap of this customer is reached',
    'Wait until enough of what was returned counts no more, or exchange or transfer the reservation.',
  ],
  ReservationNotRefundable: ['This kind of reservation is never refunded', 'Wait for its end or transfer it.'],
  SavingsPlanNotCancellable: ['A savings plan cannot be cancelled', 'Wait for its end or transfer it.'],
  SupportContactNotAvailable: [
    'The support contact is not available for this customer',
    'Pick the partner or its reseller.',
  ],
  SupportContactNotSupported: [
    'This subscription takes no support contact',
    'A new-commerce subscription has none; nothing is left to do.',
  ],
  NameNotUnique: [
    'Another grant of the partner has this name',
    'Names of grants are unique per partner. Choose another.',
  ],
  GrantLocked: [
    'The grant can no longer be edited',
    'Only a request that has not been sent can be edited. Request another grant for what is to be different.',
  ],
  GrantNotActive: [
    'The grant is not active',
    'Access is assigned under an active grant only. Have the customer approve it, or request another.',
  ],
  GroupAlreadyAssigned: [
    'The security group has an access assignment under this grant',
    'A group has one assignment per grant; change the roles of that one, or remove it first.',
  ],
  AutoExtendOff: ['The grant does not extend', 'Switch auto-extend on first, or let the grant end.'],
  DapNoLongerOffered: [
    'Delegated admin privileges are no longer offered',
    'None come into being any more: what a removal has revoked does not come back, and a request of before has lapsed. Request a granular grant.',
  ],
  DateOutOfRange: [
    'The date is not one of a business',
    'Send a date from 2010-01-01 to ten years ahead; what lies outside stands for no date in some other system.',
  ],
  EffectiveInFuture: ['The time lies in the future', 'A command may count from now or from the past.'],
  InvalidCustomer: [
    'This tenant cannot be the customer',
    'A customer is a tenant of its own: neither the nil GUID, nor the partner itself, nor the reseller that is invited along. Name the tenant of the customer.',
  ],
  MarketMismatch: [
    'Partner and customer are in different markets',
    'A partner sells in the sales region of its own country alone. A partner of the customer’s sales region can request the relationship.',
  ],
  NoticeAcknowledgementMissing: [
    'The notice is not acknowledged',
    'Give the customer the notice that is due, and send noticeGiven: true.',
  ],
  InvalidReason: ['The reason is not one of those known', 'Send a reason that the policy knows.'],
  InvalidItem: [
    'The item cannot be as described',
    'Send the field that errors names as it goes with the rest of the command.',
  ],
  InvalidSupportContact: [
    'The support contact is not as it is known',
    'Send its tenant, Partner id and name as they are known.',
  ],
  ResellerNotRelated: [
    'The reseller has no partnership with the partner',
    'Name one of the partner’s resellers, or leave it out.',
  ],
  DurationOutOfRange: ['The duration is out of range', 'Send a duration that the policy allows.'],
  NameTooLong: ['The name is too long', 'Send a shorter one.'],
  RolesMissing: ['At least one role is needed', 'Name role definition ids, one at least.'],
  AutoExtendNotAllowed: [
    'Auto-extend is not possible so',
    'Send 0 or 180 days, and 0 with the Global Administrator role.',
  ],
  RoleNotGranted: ['The grant does not have this role', 'Assign roles of the grant only.'],
} satisfies Record<RejectionCode, readonly [string, string]>;

/** Every problem by its code. */
export const problemTexts: Readonly<Record<string, ProblemText>> = {
  ...httpProblems,
  ...Object.fromEntries(
    Object.entries(rejectionTexts).map(([code, [title, detail]]) => [
      code,
      { status: statusOfKind[rejections[code as RejectionCode]], title, detail },
    ]),
  ),
};
