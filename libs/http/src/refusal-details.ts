import type { RejectionCode } from '#customer-relationship';
import { problemTexts } from './problem-texts.js';
import type { FieldError } from './problem.js';

// The `detail` of a refusal (RFC 9457: of this occurrence): what holds, and what to do next. Recorded refusals are answered from
// their details too. Those of earlier releases have fewer details, so every sentence must do without them.

type Details = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.flatMap((each) => text(each) ?? []) : []);
/** Long lists are cut; the details have them in full. */
const listed = (value: unknown, joined = ', '): string => {
  const all = texts(value);
  return all.length > 10 ? `${all.slice(0, 10).join(joined)} and ${all.length - 10} more` : all.join(joined);
};
const sentences = (...each: readonly Said[]): string => each.filter(Boolean).join(' ');
/** A sentence about a value, where it is known. */
const about = (value: unknown, say: (known: string) => string): string | undefined => {
  const known = text(value);
  return known === undefined ? undefined : say(known);
};

const nouns: Readonly<Record<string, string>> = {
  subscription: 'subscription',
  azureSubscription: 'Azure subscription',
  reservation: 'reservation',
  softwarePurchase: 'software purchase',
  savingsPlan: 'savings plan',
  grant: 'delegated-admin grant',
  accessAssignment: 'access assignment',
};
const nounOf = (kind: unknown) => nouns[String(kind)] ?? 'item';

const relationshipIs: Readonly<Record<string, string>> = {
  requested: 'The relationship is requested and waits for the customer. It becomes active when the customer accepts.',
  requestDeclined:
    'The customer has declined the request. Request the relationship again and have the customer accept.',
  requestWithdrawn: 'The request has been withdrawn. Request the relationship again and have the customer accept.',
  requestExpired: 'The request has lapsed unanswered. Request the relationship again and have the customer accept.',
  removed: 'The relationship has been removed. Request it again and have the customer accept.',
  active: 'The relationship is active already: nothing is left to do.',
};

/** What to do with an item whose state does not allow the command. */
const nextFrom: Readonly<Record<string, string>> = {
  pending: 'Activate it first.',
  provisioningFailed: 'That is final. To go on with it, buy it again.',
  provisioningCancelled: 'That is final. To go on with it, buy it again.',
  suspended: 'Reactivate it first.',
  expired: 'That is final. To go on with it, buy or request it again.',
  disabled: 'That is final. To go on with it, buy it again.',
  deleted: 'That is final. To go on with it, buy or request it again.',
  cancelled: 'That is final. To go on with it, buy it again.',
  withdrawn: 'That is final. Request another grant.',
  terminated: 'That is final. Request another grant.',
  revoked: 'That is final. Request another grant.',
  created: 'Lock it for approval first, and have the customer approve it.',
  approvalPending: 'Have the customer approve it, or withdraw the request.',
  cancellationRequested: 'Confirm or refuse the requested cancellation first.',
  approved: 'Privileges of the old kind stay as they are until they are terminated.',
};

/** How a grant ends that the request to delete or to withdraw it does not fit. */
const endOfGrantFrom: Readonly<Record<string, string>> = {
  created: 'It has not been sent to the customer: send DeleteDelegatedAdminRequest instead.',
  approvalPending: 'It has been sent to the customer: send WithdrawDelegatedAdminRequest instead.',
  approved: 'Send TerminateDelegatedAdmin instead.',
  active: 'Send TerminateDelegatedAdmin instead.',
};

function afterTransition({ from, to, requires, remedyCommand, takesEffectAt }: Details): string {
  if (requires === 'noScheduledCancellation')
    return `Its cancellation is scheduled${about(takesEffectAt, (at) => ` for ${at}`) ?? ''}; it ends then, and auto-renew stays off.`;
  if (requires === 'created' || requires === 'approvalPending') {
    const instead = endOfGrantFrom[String(from)];
    if (instead) return instead;
  }
  if ((to === 'provisioningFailed' || to === 'provisioningCancelled') && (from === 'active' || from === 'suspended'))
    return 'It has been provisioned. Cancel it or let it end instead.';
  if (typeof remedyCommand === 'string') return `Send ${remedyCommand} first.`;
  if (to === undefined || to === from) {
    if (requires === undefined) return 'That is what the command asks for: nothing is left to do.';
  } else if (from === 'active' || from === 'completed') {
    if (to === 'expired') return 'It does not expire by itself. Cancel, suspend or terminate it instead.';
    if (to === 'disabled' || to === 'deleted')
      return 'Its retention does not run while it is in use. Let it end, or cancel or suspend it first.';
    if (to === 'cancelled') return 'Its cancellation has not been requested. Request it first.';
  }
  return nextFrom[String(from)] ?? 'Read it to see which commands it takes now.';
}

const rules: Readonly<Record<string, string>> = {
  required: 'is needed for this purchase; send it',
  notAllowed: 'does not apply to this purchase; leave it out',
  notForAzurePlan: 'does not apply to an Azure plan; leave it out, or name a subscription of another kind',
  notEmpty: 'must have at least one entry; send one',
  notBlank: 'must have at least one visible character; send one',
  uniqueIds: 'has an id more than once; each item must have an id of its own',
  notNegative: 'must not be negative; send 0 or more',
  notBeforePurchase: 'lies before the purchase; send a date from then on',
  notAfterTerm:
    'lies after the end that a term from now on would have; send the end of the term that runs now, or leave it out',
  licencesOnly: 'applies only to licences (legacy or newCommerce); leave it out',
  baseOfSameKind: 'names a subscription of another kind; name a base of the same kind as the add-on',
  baseIsAddOn: 'names an add-on; name its base',
  azurePlanOnly: 'does not name an Azure plan; name the plan of the Azure subscription',
  reservedForLaterTerm: 'is reserved for a later term of the relationship; choose another id',
};

const customers: Readonly<Record<string, string>> = {
  notAPlaceholder: 'a placeholder, not the id of a tenant',
  notThePartner: 'the partner itself',
  notTheReseller: 'the reseller named in the request',
};

const limits: Readonly<Record<string, string>> = {
  designations: 'designated support contacts; withdraw one first',
  grants: 'delegated-admin grants that have not ended; terminate one first',
  addOns: 'add-ons under this base; cancel one first, or name another base',
};

const afterGrantNotActive: Readonly<Record<string, string>> = {
  created: 'Lock it for approval and have the customer approve it.',
  approvalPending: 'Have the customer approve it.',
  approved: 'Privileges of the old kind have no access assignments: request a granular grant.',
};

const waitOrTransfer = ({ expiresAt }: Details) =>
  sentences(
    about(expiresAt, (at) => `It ends at ${at}.`),
    'Wait for its end or transfer it.',
  );

/** Nothing is said where the details do not have what the sentence needs. */
type Said = string | false | undefined;

const ofCode: Partial<Readonly<Record<RejectionCode, (details: Details) => Said>>> = {
  RoleNotAllowed: ({ requires, owners, anyOf, allOf, grantKind }) =>
    requires === 'reservationOrderOwner'
      ? sentences(
          'Only an owner of the reservation order can return its reservations, and the sender is not one.',
          texts(owners).length > 0
            ? `Have one of its owners send this: ${listed(owners)}.`
            : 'Have an owner send this.',
          'If none is left, send ChangeReservationOwners first.',
        )
      : sentences(
          grantKind === 'gdap' && 'The grant is granular (GDAP).',
          texts(allOf).length > 0
            ? `The command requires all of these roles: ${listed(allOf)}.`
            : texts(anyOf).length > 0 && `The command requires one of these roles: ${listed(anyOf)}.`,
          'The sender may not send it: use a sender who may.',
        ),
  PartnerRestricted: ({ standing }) =>
    `The partner ${typeof standing === 'string' ? `is ${standing}: it may` : 'may'} neither request nor sell until Microsoft lifts that. Suspending, cancelling and removing still work.`,
  ItemNotFound: ({ kind, itemId }) =>
    `The relationship has no ${nounOf(kind)}${about(itemId, (id) => ` with the id ${id}`) ?? ' with that id'}. Read the lists of its items and grants to see which it has.`,
  LineItemNotFound: ({ lineItemIds }) =>
    `The purchase has no line item${texts(lineItemIds).length > 0 ? ` ${listed(lineItemIds)}` : ' with that id'}. Read the purchase to see its lines.`,
  RelationshipNotActive: ({ status }) =>
    sentences(
      'Only an active relationship can be removed.',
      relationshipIs[String(status)] ?? 'Request it and have the customer accept.',
    ),
  RelationshipAlreadyRemoved: ({ removedAt }) =>
    `It was removed${about(removedAt, (at) => ` at ${at}`) ?? ''}; nothing is left to do.`,
  RemovalBlocked: ({ blockers }) =>
    Array.isArray(blockers) &&
    `${blockers.length === 1 ? 'One active item remains' : `${blockers.length} active items remain`}. blockers names each with its remedy, and the earliest date where waiting helps.`,
  PurchasesNotAllowed: ({ removedAt }) =>
    `The relationship was removed${about(removedAt, (at) => ` at ${at}`) ?? ''}. Request it again and have the customer accept before anything is bought.`,
  NoRelationship: ({ status }) => relationshipIs[String(status)],
  AlreadyActive: ({ establishedAt }) =>
    `The relationship is active${about(establishedAt, (at) => ` since ${at}`) ?? ''}: there is nothing to request or to answer.`,
  RequestAlreadyOpen: ({ requestedAt, expiresAt }) =>
    `A request${about(requestedAt, (at) => ` of ${at}`) ?? ''} waits for the customer${about(expiresAt, (at) => ` until ${at}`) ?? ''}. Withdraw it to ask again.`,
  NoOpenRequest: ({ status }) =>
    sentences('There is nothing to answer.', relationshipIs[String(status)] ?? 'Request the relationship first.'),
  RequestExpired: ({ expiredAt }) =>
    sentences(
      about(expiredAt, (at) => `It was not answered by ${at}.`) ?? 'It was not answered in time.',
      'Request the relationship again.',
    ),
  ItemAlreadyExists: ({ kind, itemId }) =>
    `The id${about(itemId, (id) => ` ${id}`) ?? ''} belongs to another ${nounOf(kind)} and is never used again, not even after a removal. Choose another.`,
  ItemOfEarlierTerm: ({ kind, itemId, relationshipTerm }) =>
    `The ${nounOf(kind)}${about(itemId, (id) => ` ${id}`) ?? ''} belongs to ${about(relationshipTerm, (term) => `term ${term}`) ?? 'a term'} of the relationship, which has ended. It can only be read. To go on with it, buy or request it again.`,
  LimitReached: ({ what, limit }) =>
    `The relationship has ${about(limit, (most) => `${most}, the most that there may be, of the `) ?? 'the most that there may be of the '}${limits[String(what)] ?? 'things that the command adds; end one first'}.`,
  EffectiveTooEarly: ({ itemId, lastEvent }) => {
    const { type, at } = (lastEvent ?? {}) as { readonly type?: unknown; readonly at?: unknown };
    return sentences(
      about(at, (since) => `${text(itemId) ?? 'The item'} has ${text(type) ?? 'an event'} of ${since}.`),
      'Send a time that is not before the last event of the item, or leave it out.',
    );
  },
  NotDue: ({ dueAt }) => `It is possible ${about(dueAt, (at) => `from ${at}`) ?? 'later'}. Send it again then.`,
  InvalidTransition: (details) =>
    sentences(
      about(details['from'], (from) => `${text(details['itemId']) ?? 'The item'} is ${from}.`) ??
        'The item is in another state.',
      afterTransition(details),
    ),
  TermEnded: ({ termEndsAt, retainedUntil }) =>
    `The term ended${about(termEndsAt, (at) => ` at ${at}`) ?? ''} while it was suspended, so it cannot be reactivated. ${about(retainedUntil, (at) => `Its data is kept until ${at}. `) ?? ''}To go on with it, buy it again.`,
  CancellationWindowClosed: ({ closedAt, nextWindowAt, termEndsAt, remedy }) =>
    sentences(
      about(closedAt, (at) => `It could be cancelled until ${at}.`),
      about(nextWindowAt, (at) => `Cancel it in the next window, which opens with the renewal, at ${at}.`) ??
        (remedy === 'transfer'
          ? 'No other window opens, and it has no end: have another partner take it over.'
          : `No other window opens: wait for the end of the term${about(termEndsAt, (at) => `, ${at}`) ?? ''}.`),
    ),
  CancelNotSupported: ({ remedyCommand, expiresAt }) =>
    remedyCommand === 'SuspendSubscription'
      ? 'A legacy subscription has no cancellation. Suspend it instead.'
      : remedyCommand === 'SetSoftwareAutoRenew'
        ? `Its publisher does not accept cancellations. Switch off auto-renew and wait for the end of the term${about(expiresAt, (at) => `, ${at}`) ?? ''}.`
        : `Its publisher does not accept cancellations. ${about(expiresAt, (at) => `Wait for its end, ${at}, or transfer it.`) ?? 'Have it transferred to another partner.'}`,
  ParentNotActive: ({ baseSubscriptionId, status, termEndsAt }) =>
    sentences(
      `The base subscription${about(baseSubscriptionId, (id) => ` ${id}`) ?? ''} is ${text(status) ?? 'not active'}${about(termEndsAt, (at) => ` and its term ended at ${at}`) ?? ''}.`,
      status === 'suspended' && termEndsAt === undefined
        ? 'Reactivate the base first.'
        : status === 'pending'
          ? 'Activate the base first.'
          : 'Buy another base, and the add-on under it.',
    ),
  TrialStatusLocked: ({ trialEndsAt }) =>
    `A new-commerce trial keeps its status and quantity until it ends${about(trialEndsAt, (at) => `, at ${at}`) ?? ''}. Switch off auto-renew to let it end then, or wait until it has become a paid subscription.`,
  AutoRenewOff: ({ termEndsAt }) =>
    `The term ends${about(termEndsAt, (at) => ` at ${at}`) ?? ''} without a renewal. Switch auto-renew on before that, or send EndSubscriptionTerm afterwards.`,
  AzurePlanHasActiveSubscriptions: ({ azureSubscriptionIds }) =>
    `${texts(azureSubscriptionIds).length > 0 ? `Active under the plan: ${listed(azureSubscriptionIds)}. ` : ''}Cancel each of them first.`,
  RefundCapExceeded: ({ remainingUsdCents, capUsdCents, recoversAt }) =>
    sentences(
      typeof remainingUsdCents === 'number' &&
        typeof capUsdCents === 'number' &&
        `USD ${remainingUsdCents / 100} of the ${capUsdCents / 100} that may be returned in the period remain.`,
      about(recoversAt, (at) => `The same cancellation is within the cap from ${at}.`) ??
        'The cancellation exceeds the cap by itself: wait for the end, exchange or transfer the reservation.',
    ),
  ReservationNotRefundable: waitOrTransfer,
  SavingsPlanNotCancellable: waitOrTransfer,
  SupportContactNotAvailable: ({ available }) =>
    texts(available).length > 0 && `Pick one of those available for this customer: ${listed(available)}.`,
  GrantLocked: ({ status, editable }) =>
    sentences(
      about(status, (known) => `The grant is ${known}.`),
      texts(editable).length > 0
        ? `Only ${listed(editable, ' and ')} can be changed, and roles only by removing the Global Administrator role.`
        : 'Nothing in it can be changed.',
      'For other terms, request another grant.',
    ),
  GrantNotActive: ({ status }) =>
    sentences(
      about(status, (known) => `The grant is ${known}, and access needs an active one.`),
      afterGrantNotActive[String(status)] ?? 'Request another grant and have the customer approve it.',
    ),
  GroupAlreadyAssigned: ({ assignmentId }) =>
    `A group has one assignment per grant${about(assignmentId, (id) => `, and this one has ${id}`) ?? ''}. Change the roles of that one, or remove it first.`,
  DapNoLongerOffered: ({ offeredUntil, removedAt }) =>
    `${about(removedAt, (at) => `What was granted before the removal of ${at} does not come back. `) ?? ''}Privileges of this kind were granted only ${about(offeredUntil, (at) => `before ${at}`) ?? 'in the past'}. Request a granular grant.`,
  EffectiveInFuture: ({ field, effectiveAt, now }) =>
    sentences(
      about(
        effectiveAt,
        (at) => `${text(field) ?? 'The time'} is ${at}, and it is ${text(now) ?? 'not that late'} now.`,
      ),
      'Send a time that is not later than now.',
    ),
  DateOutOfRange: ({ field, date, earliest, latest }) =>
    text(earliest) !== undefined &&
    text(latest) !== undefined &&
    `${text(field) ?? 'The date'} is ${text(date) ?? 'out of range'}. Send a date from ${text(earliest)} to ${text(latest)}: other systems use dates outside that range to mean “no date”.`,
  InvalidCustomer: ({ customerId, rule }) =>
    sentences(
      about(customers[String(rule)], (why) => `${text(customerId) ?? 'The tenant'} is ${why}.`) ??
        'A customer is a tenant of its own: neither the nil GUID, nor the partner itself, nor the reseller named in the request.',
      'Name the tenant of the customer.',
    ),
  MarketMismatch: ({ partnerMarket, customerMarket, partnerRegion, customerRegion }) =>
    sentences(
      text(partnerMarket) !== undefined &&
        text(customerMarket) !== undefined &&
        `The partner is in ${text(partnerMarket)}${about(partnerRegion, (region) => ` (sales region ${region})`) ?? ''}, the customer in ${text(customerMarket)}${about(customerRegion, (region) => ` (sales region ${region})`) ?? ''}.`,
      // A policy without regions has partners sell in their own country alone.
      text(partnerMarket) !== undefined && text(partnerRegion) === undefined
        ? 'A partner of the customer’s country can request the relationship.'
        : 'A partner of the customer’s sales region can request the relationship.',
    ),
  InvalidReason: ({ known }) => texts(known).length > 0 && `Send one of these: ${listed(known)}.`,
  InvalidItem: ({ field, rule }) =>
    `${text(field) ?? 'A field'} ${rules[String(rule)] ?? 'does not agree with the rest of the command; send a value that does'}.`,
  InvalidSupportContact: ({ missing, field }) =>
    texts(missing).length > 0
      ? `${listed(missing, ' and ')} of the contact ${texts(missing).length === 1 ? 'is' : 'are'} missing. Send tenant, Partner id and name as the list of available support contacts shows them.`
      : about(
          field,
          (name) =>
            `${name} of the contact is not the recorded one. Send it as the list of available support contacts shows it.`,
        ),
  ResellerNotRelated: ({ indirectResellerId }) =>
    `${text(indirectResellerId) ?? 'The reseller'} is not one of the partner’s resellers. Name one of them, or leave it out.`,
  DurationOutOfRange: ({ min, max }) =>
    text(min) !== undefined && text(max) !== undefined && `Send durationDays from ${text(min)} to ${text(max)}.`,
  NameTooLong: ({ maxLength }) =>
    about(maxLength, (most) => `A name has at most ${most} characters. Send a shorter one.`),
  AutoExtendNotAllowed: ({ allowed, reason }) =>
    reason === 'globalAdministratorRole'
      ? 'A grant with the Global Administrator role cannot auto-extend. Send autoExtendDays 0, or leave that role out.'
      : texts(allowed).length > 0 && `Send autoExtendDays ${listed(allowed, ' or ')}.`,
  RoleNotGranted: ({ roles }) =>
    `${texts(roles).length > 0 ? `The grant does not have ${listed(roles)}. ` : ''}Assign only roles of the grant.`,
};

/** What holds and what to do next, in the words of this occurrence where its details have them. */
export function detailOf(code: string, details: Details): string {
  return (ofCode as Partial<Record<string, (of: Details) => Said>>)[code]?.(details) || problemTexts[code]!.detail;
}

/** The field of the body that a code is about. The customer is in the path, not in the body. */
const fieldOf: Readonly<Record<string, string>> = {
  MarketMismatch: 'market',
  NoticeAcknowledgementMissing: 'noticeGiven',
  InvalidReason: 'reason',
  InvalidSupportContact: 'contact',
  ResellerNotRelated: 'indirectResellerId',
  DurationOutOfRange: 'durationDays',
  NameTooLong: 'name',
  RolesMissing: 'roles',
  RoleNotGranted: 'roles',
  AutoExtendNotAllowed: 'autoExtendDays',
};

/** A fault in the meaning of a command (422): where, what, and the code of the refusal if it were the only fault. */
export interface MeaningError extends FieldError {
  readonly code: string;
}

/** Every fault of a refused command: those that the refusal has collected, or its only one. */
export function meaningErrors(code: string, details: Details): readonly MeaningError[] {
  const { faults } = details;
  const each = Array.isArray(faults)
    ? (faults as readonly (Details & { readonly code: string })[])
    : [{ ...details, code }];
  return each.map(({ code: of, ...its }) => {
    const field =
      fieldOf[of] === 'contact' && typeof its['field'] === 'string' ? `contact/${its['field']}` : its['field'];
    const pointer = of === 'InvalidCustomer' ? 'customerId' : `/${text(field) ?? fieldOf[of] ?? ''}`;
    return { pointer, code: of, detail: detailOf(of, its) };
  });
}
