import { rejections, type RejectionCode, type RejectionKind } from '#customer-relationship';

// Codes, types, statuses and titles are part of the contract within /v1: callers match them. Add, never change. The `detail` of
// one occurrence is in refusal-details.ts; the one here is used where nothing more is known. It says what holds and what to do
// next, and never only points to other members.

export interface ProblemText {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

type Texts<Code extends string = string> = Readonly<Record<Code, readonly [title: string, detail: string]>>;

/** Refusals by HTTP itself, not by the domain; by status. */
export const httpProblems = {
  400: {
    MalformedBody: ['The body cannot be read', 'Send one JSON object in UTF-8, not nested too deep, each field once.'],
    InvalidBody: [
      'The body is not what this command takes',
      'Send the fields that OpenAPI shows for it. errors names each fault.',
    ],
    InvalidPath: [
      'The path holds something that is not an id',
      'Send ids as the lists show them. errors names each fault.',
    ],
    InvalidQuery: [
      'The query holds something that this route does not take',
      'Send the parameters that OpenAPI shows for it. errors names each fault.',
    ],
    InvalidHeader: [
      'A header cannot be read',
      'Send it as OpenAPI shows it, or leave it out. errors names each fault.',
    ],
    InvalidCursor: [
      'The cursor is not one of this list',
      'Follow the Link header from the first page, with the same filters and sort.',
    ],
    IdempotencyKeyMissing: [
      'A command needs an Idempotency-Key',
      'Send 1 to 255 visible ASCII characters: a new key for every command, the same key for every retry of it.',
    ],
    LedgerPositionUnknown: [
      'The position is not one of this ledger',
      'It belongs to another ledger, lies beyond the head of this one, or belongs to a history that was lost when the ledger was restored from a backup. Ask without it.',
    ],
    PartnerNotNamed: [
      'The path names no partner',
      'Name the partner: for people of a customer, the path starts with /v1/partners/ and the tenant of the partner.',
    ],
    BadRequest: ['The request cannot be understood', 'It is not valid HTTP. Send it as RFC 9112 requires.'],
  },
  401: {
    Unauthenticated: [
      'The request carries no token',
      'Send Authorization: Bearer with a token of the configured issuer.',
    ],
    InvalidToken: [
      'The token is not accepted',
      'It is malformed, expired, not yet valid, not meant for this server, signed by another key, or lacks a claim: reason names the claim or the fault. Ask the issuer for another.',
    ],
  },
  403: {
    PartnerUnknown: [
      'The tenant is not one of this server’s partners',
      'Ask the operator to add it to the partners file.',
    ],
  },
  404: {
    RouteNotFound: ['There is nothing at this address', 'Send it to one of the routes that /openapi.json names.'],
    OperationNotFound: [
      'There is no such operation',
      'It belongs to another caller, or is no longer kept. Ask the question again: the answer will be the same.',
    ],
  },
  405: {
    MethodNotAllowed: ['This address takes another method', 'Send it with one of those that the Allow header names.'],
  },
  406: {
    NotAcceptable: [
      'The answer is not there in a form that Accept asks for',
      'Ask for one of those in offered: media types, or codings for Accept-Encoding.',
    ],
  },
  408: {
    RequestTimeout: [
      'The request has not come to its end in time',
      'Nothing was attempted. Send it again, without pauses.',
    ],
  },
  409: {
    CommandInProgress: [
      'The same command is being decided',
      'Retry with the same key: you will get the answer to the first attempt.',
    ],
  },
  412: {
    PreconditionFailed: [
      'The relationship has changed',
      'If-Match or If-None-Match does not hold for what is there now. Read it again; revision is the current one.',
    ],
  },
  413: {
    BodyTooLarge: [
      'The body is too large',
      'The limit is 64 KiB unless the operator sets another; for POST /v1/commands it is 1 MiB. Send less at once.',
    ],
  },
  414: {
    AddressTooLong: ['The address is too long', 'No id has more than 64 characters. Send a shorter address.'],
  },
  415: {
    MediaTypeNotSupported: ['The body is not JSON', 'Send Content-Type: application/json.'],
  },
  417: {
    ExpectationFailed: [
      'The request expects something that this server does not know',
      'Send Expect: 100-continue, or leave it out.',
    ],
  },
  422: {
    IdempotencyKeyReused: [
      'The key has been used for another command',
      'A key belongs to one command with one body. Send this one with a new key.',
    ],
  },
  428: {
    PreconditionRequired: [
      'The command needs If-Match',
      'Read the relationship and send its ETag, so that you remove only what you have seen.',
    ],
  },
  429: {
    TooManyStreams: [
      'The caller, or its tenant, has too many streams open',
      'End one of them, or read the history page by page; limit is how many may be open at once.',
    ],
    TooManyRequests: [
      'Too many requests',
      'Nothing was attempted: the rate limit is used up (see the RateLimit field), or too many of your requests wait already. Retry after the time in Retry-After.',
    ],
  },
  431: {
    HeadersTooLarge: [
      'The headers are too large',
      'The limit for all of them together is 16 KiB. Send fewer, or shorter ones.',
    ],
  },
  500: {
    InternalError: [
      'Something went wrong in this server',
      'Ask the operator, who can find the cause in the log by the correlation id.',
    ],
  },
  501: {
    MethodNotImplemented: ['The method is not known here', 'Send one of those that /docs shows for the address.'],
    TransferCodingNotImplemented: [
      'The body is coded in a way that is not known here',
      'Send it with Content-Length, or with Transfer-Encoding: chunked alone.',
    ],
    PolicyUnknown: [
      'The policy in force then is not one that this server knows',
      'Ask a server of a release that has it: under another policy the answer would be wrong.',
    ],
  },
  503: {
    StoreUnavailable: ['The ledger cannot be reached', 'Nothing was written; retry with the same key.'],
    OutcomeUnknown: [
      'It is not known whether the command was recorded',
      'Retry with the same key: you will learn the outcome, and nothing happens twice.',
    ],
    LogDamaged: ['The ledger is damaged', 'Wait until the operator has restored it; retrying earlier does not help.'],
    ServerOutdated: [
      'This server is older than what it would have to read',
      'A newer release has recorded something that this server does not know, so this server wrote nothing. Retry with the same key: a newer server will answer.',
    ],
    ClockNotTrusted: [
      'The clock of the server is not trusted',
      'It has jumped forward, and nobody has agreed to that. Nothing was attempted. Ask the operator to set it right, or to agree by npm run clock -- agree.',
    ],
    AuthenticationUnavailable: [
      'Tokens cannot be verified now',
      'The keys of the issuer could not be fetched, so nothing was attempted. Retry later.',
    ],
    ViewBehind: [
      'The view has not yet reached the position asked for',
      'position is how far it has come. Retry, or wait longer with Prefer: wait=n.',
    ],
    ViewUnavailable: [
      'The view is not there',
      'The projector has not built it yet; /health/ready says how far it is. Retry later.',
    ],
    AsOfUnavailable: [
      'The list as it stood cannot be made now',
      'reason says why: busy, when too many wait to be made; diskFull; or failed, which the log of the server explains. Retry later.',
    ],
    AsOfInProgress: [
      'The list as it stood is being made',
      'Location leads to the operation that makes it. Send the same request again; Prefer: wait=n waits longer. A request that accepts application/vnd.reseller-ledger.operation+json, too, is answered with the operation (202).',
    ],
    StreamsExhausted: [
      'The server has as many streams open as it may',
      'Retry later or at another server, or read the history page by page.',
    ],
    ShuttingDown: ['The server is shutting down', 'Nothing was attempted; retry with the same key.'],
  },
  505: {
    VersionNotSupported: ['This version of HTTP is not known here', 'Send it as HTTP/1.1.'],
  },
} as const satisfies Readonly<Record<number, Texts>>;

type HttpProblems = typeof httpProblems;
export type HttpProblemCode = { [Status in keyof HttpProblems]: keyof HttpProblems[Status] }[keyof HttpProblems];

/** The status of each kind of refusal. */
export const statusOfKind: Readonly<Record<RejectionKind, number>> = {
  who: 403,
  unknown: 404,
  state: 409,
  meaning: 422,
};

const rejectionTexts = {
  RoleNotAllowed: [
    'The sender does not hold the role',
    'Send this as a user or app with a role that the command requires.',
  ],
  UserContextRequired: [
    'This needs a person',
    'The token counts as that of an app. The token of a person carries scp (or the claim that JWT_PERSON_CLAIM names) and no idtyp, or idtyp with the value user. Sign a person in and send their token.',
  ],
  PartnerTypeNotAllowed: [
    'This type of partner may not do this',
    'Ask the indirect provider to do it and to name the reseller: an indirect reseller can neither request, sell nor remove.',
  ],
  PartnerRestricted: ['The partner may neither request nor sell', 'Suspending, cancelling and removing still work.'],
  ActorNotAllowed: ['A customer may not do this', 'Ask the partner.'],
  AcceptorNotGlobalAdmin: [
    'Only a Global admin of the customer decides this',
    'Have that person decide directly, or through an app of the partner that names the person.',
  ],
  RelationshipNotFound: [
    'There is no such relationship',
    'It has never been requested, or was requested only after the time asked for. Request it first.',
  ],
  ItemNotFound: ['There is no such item', 'The lists of items and grants name those that the relationship has.'],
  LineItemNotFound: [
    'There is no such line item',
    'The purchase has no line with that id. Read the purchase to see its lines.',
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
  RequestExpired: ['The request has lapsed', 'It was not answered in time. Request the relationship again.'],
  AgreementNotConfirmed: ['The customer agreement is not confirmed', 'Confirm it before anything is bought.'],
  ItemAlreadyExists: [
    'The id has been used before',
    'An id is used once per relationship and kind of item, and never again, not even after a removal. Choose another.',
  ],
  ItemOfEarlierTerm: [
    'The item belongs to an earlier term of the relationship',
    'It can only be read. To go on with it, buy or request it again.',
  ],
  LimitReached: ['A limit of the relationship is reached', 'End one of those that exist, then send this again.'],
  EffectiveTooEarly: [
    'More is on record since that time',
    'Send a time that is not before the last event of the item, or leave it out.',
  ],
  NotDue: ['It is not time yet', 'Send it again when its time has come.'],
  InvalidTransition: [
    'The item is not in a state that allows this',
    'Read the item to see which commands it takes now.',
  ],
  TermEnded: [
    'The term has ended',
    'A subscription that was suspended when its term ended cannot be reactivated. To go on with it, buy it again.',
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
  SubscriptionSuspended: [
    'The subscription is suspended',
    'It cannot be changed while it is suspended. Reactivate it first.',
  ],
  SubscriptionDeleted: ['The subscription is deleted', 'Nothing can be changed on it. Buy another.'],
  AutoRenewOff: [
    'Auto-renew is off',
    'The term ends without a renewal. Switch auto-renew on before that, or send EndSubscriptionTerm afterwards.',
  ],
  AzurePlanHasActiveSubscriptions: ['Azure subscriptions under the plan are active', 'Cancel each of them first.'],
  AzurePlanRequired: ['A reservation needs an active Azure plan', 'Buy or reactivate one first.'],
  RefundCapExceeded: [
    'The refund cap of this customer is reached',
    'Wait until enough of the earlier refunds no longer count, or exchange or transfer the reservation.',
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
    'Only a request that has not been sent can be edited. For other terms, request another grant.',
  ],
  GrantNotActive: [
    'The grant is not active',
    'Access can be assigned only under an active grant. Have the customer approve it, or request another.',
  ],
  GroupAlreadyAssigned: [
    'The security group has an access assignment under this grant',
    'A group has one assignment per grant. Change the roles of that assignment, or remove it first.',
  ],
  AutoExtendOff: ['The grant does not extend', 'Switch auto-extend on first, or let the grant end.'],
  DapNoLongerOffered: [
    'Delegated admin privileges are no longer offered',
    'No new ones are granted: those that a removal has revoked do not come back, and earlier requests have lapsed. Request a granular grant.',
  ],
  DateOutOfRange: [
    'The date is not one of a business',
    'Send a date from 2010-01-01 to ten years ahead. Other systems use dates outside that range to mean “no date”.',
  ],
  EffectiveInFuture: ['The time lies in the future', 'Send a time that is not later than now.'],
  InvalidCustomer: [
    'This tenant cannot be the customer',
    'A customer is a tenant of its own: not the nil GUID, the partner itself or the reseller named in the request. Name the tenant of the customer.',
  ],
  MarketMismatch: [
    'Partner and customer are in different markets',
    'A partner sells only in the sales region of its own country. A partner of the customer’s sales region can request the relationship.',
  ],
  NoticeAcknowledgementMissing: [
    'The notice is not acknowledged',
    'Give the customer the notice that is due, and send noticeGiven: true.',
  ],
  InvalidReason: ['The reason is not one of those known', 'Send a reason that the policy knows.'],
  InvalidItem: [
    'The item cannot be as described',
    'Correct the field that errors names, so that it agrees with the rest of the command.',
  ],
  InvalidSupportContact: [
    'The support contact is not as it is known',
    'Send its tenant, Partner id and name as the list of available support contacts shows them.',
  ],
  ResellerNotRelated: [
    'The reseller has no partnership with the partner',
    'Name one of the partner’s resellers, or leave it out.',
  ],
  DurationOutOfRange: ['The duration is out of range', 'Send a duration that the policy allows.'],
  NameTooLong: ['The name is too long', 'Send a shorter one.'],
  RolesMissing: ['At least one role is needed', 'Name at least one role definition id.'],
  AutoExtendNotAllowed: [
    'Auto-extend is not possible so',
    'Send 0 or 180 days; with the Global Administrator role, send 0.',
  ],
  RoleNotGranted: ['The grant does not have this role', 'Assign only roles of the grant.'],
} satisfies Texts<RejectionCode>;

/** Every problem by its code. */
export const problemTexts: Readonly<Record<string, ProblemText>> = Object.fromEntries([
  ...Object.entries<Texts>(httpProblems).flatMap(([status, texts]) => entriesOf(texts, () => Number(status))),
  ...entriesOf(rejectionTexts, (code) => statusOfKind[rejections[code]]),
]);

function entriesOf<Code extends string>(texts: Texts<Code>, statusOf: (code: Code) => number): [string, ProblemText][] {
  return (Object.keys(texts) as Code[]).map((code) => {
    const [title, detail] = texts[code];
    return [code, { status: statusOf(code), title, detail }];
  });
}
