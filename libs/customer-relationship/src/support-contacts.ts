import type { Frozen } from '#event-sourcing';
import { current, refuseFaults, requireActive } from './admission.js';
import type { Instant } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Context, Steps } from './context.js';
import { event, type EventOf } from './event.js';
import type { SupportContact } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byUser } from './rights.js';
import type { ItemRef } from './settling.js';
import { inCurrentTerm, type CustomerRelationship } from './state.js';
import { hasEnded } from './statuses.js';

export interface SupportContactCommands {
  /** Sets the support contact of a subscription; it must be available for this customer. */
  AssignSupportContact: { readonly subscriptionId: string; readonly contact: SupportContact };
  /** Takes the support contact off a subscription. */
  WithdrawSupportContact: { readonly subscriptionId: string };
}

type WithdrawalReason = EventOf<'SupportContactWithdrawn'>['data']['reason'];

const right = byUser('GlobalAdmin', 'AdminAgent', 'HelpdeskAgent');

export const supportContactCommands = {
  /** Rules C1–C3, C5. Replaces the contact designated before. */
  AssignSupportContact: {
    right,
    rules: ['R20', 'C1', 'C2', 'C3', 'C5'],
    emits: ['SupportContactAssigned'],
    settles: ({ subscriptionId: id }, state, policy) => [
      { noun: 'subscription', id },
      ...designatedWhereFull(state, policy),
    ],
    decide(state, { subscriptionId, contact }, context) {
      requireActive(state);
      requireComplete(contact);
      const { kind, status } = current(state, state.subscriptions, 'subscription', subscriptionId);
      if (kind === 'newCommerce') throw reject('SupportContactNotSupported', { subscriptionId, kind });
      if (status === 'deleted') throw reject('SubscriptionDeleted', { subscriptionId });
      if (hasEnded(status))
        throw reject('InvalidTransition', { itemId: subscriptionId, from: status, requires: 'notEnded' });

      const candidates = supportContactCandidates(state, context);
      const known = candidates.find(({ tenantId }) => tenantId === contact.tenantId.toLowerCase());
      if (!known)
        throw reject('SupportContactNotAvailable', {
          tenantId: contact.tenantId,
          available: candidates.map(({ tenantId }) => tenantId),
        });
      refuseFaults(
        ...(['partnerId', 'name'] as const)
          .filter((field) => known[field] !== contact[field].trim())
          .map((field) => reject('InvalidSupportContact', { field, known: known[field] })),
      );
      const designated = state.designations.get(subscriptionId);
      if (designated && isSameContact(designated.contact, known))
        throw reject('NothingToChange', { subscriptionId, tenantId: known.tenantId });
      if (!designated) requireRoomForDesignation(state, context);

      return [
        event('SupportContactAssigned', { subscriptionId, contact: known, byDefault: false, assignedAt: context.now }),
      ];
    },
  },

  WithdrawSupportContact: {
    right,
    rules: ['R20', 'C1'],
    emits: ['SupportContactWithdrawn'],
    decide(state, { subscriptionId }, { now }) {
      current(state, state.subscriptions, 'subscription', subscriptionId);
      const designated = state.designations.get(subscriptionId);
      if (!designated) throw reject('NothingToChange', { subscriptionId });
      return [withdrawn(subscriptionId, designated.contact, 'withdrawn', now)];
    },
  },
} satisfies CommandTable<SupportContactCommands>;

export const supportContactSteps = {
  SupportContactAssigned(state, { subscriptionId, contact }) {
    state.designations.set(subscriptionId, { relationshipTerm: state.relationshipTerm, contact });
  },
  SupportContactWithdrawn(state, { subscriptionId }) {
    state.designations.delete(subscriptionId);
  },
} satisfies Steps;

/**
 * The designation that comes with a purchase: the partner itself (rule C4). Not called for new-commerce subscriptions,
 * which have none (rule C3).
 * @throws Rejection `LimitReached` when the current term has as many designations as one removal can withdraw
 */
export function assignDefaultContact(
  state: Frozen<CustomerRelationship>,
  subscriptionId: string,
  context: Context,
): readonly EventOf<'SupportContactAssigned'>[] {
  requireRoomForDesignation(state, context);
  const contact = contactOf(context.partner);
  return [event('SupportContactAssigned', { subscriptionId, contact, byDefault: true, assignedAt: context.now })];
}

/** The end of a subscription withdraws its designation, if it has one (rules C5, P1). */
export function withdrawDesignation(
  state: Frozen<CustomerRelationship>,
  subscriptionId: string,
  reason: WithdrawalReason,
  now: Instant,
): EventOf<'SupportContactWithdrawn'>[] {
  const designated = state.designations.get(subscriptionId);
  return designated ? [withdrawn(subscriptionId, designated.contact, reason, now)] : [];
}

/** A removal withdraws the designations of the current term (rule R17), by subscription id. */
export function withdrawDesignations(
  state: Frozen<CustomerRelationship>,
  now: Instant,
): EventOf<'SupportContactWithdrawn'>[] {
  return inCurrentTerm(state, state.designations)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([subscriptionId, { contact }]) => withdrawn(subscriptionId, contact, 'relationshipRemoved', now));
}

/** Once the limit on designations is reached, subscriptions that have ended since make room. */
export function designatedWhereFull(
  { designations }: Frozen<CustomerRelationship>,
  { limits }: Policy,
): readonly ItemRef[] {
  if (designations.size < limits.designations) return [];
  return [...designations.keys()].map((id) => ({ noun: 'subscription', id }));
}

/**
 * Who may be designated now (rule C2): the contact is available for this customer, and is still the partner itself or a
 * related reseller. Names are today's, not those of the day when the relationship was requested.
 */
function supportContactCandidates(state: Frozen<CustomerRelationship>, { partner }: Context): SupportContact[] {
  const available = new Set(state.availableSupportContacts.map(({ tenantId }) => tenantId));
  return [partner, ...partner.resellers].filter(({ tenantId }) => available.has(tenantId)).map(contactOf);
}

function requireRoomForDesignation(state: Frozen<CustomerRelationship>, { policy }: Context): void {
  const limit = policy.limits.designations;
  if (inCurrentTerm(state, state.designations).length >= limit)
    throw reject('LimitReached', { what: 'designations', limit });
}

const contactFields = ['tenantId', 'partnerId', 'name'] as const;

function requireComplete(contact: SupportContact): void {
  const missing = contactFields.filter((field) => !contact[field]?.trim());
  if (missing.length > 0) throw reject('InvalidSupportContact', { missing });
}

function isSameContact(one: SupportContact, other: SupportContact): boolean {
  return contactFields.every((field) => one[field] === other[field]);
}

/** Only the fields that events keep; a partner has more. */
function contactOf({ tenantId, partnerId, name }: SupportContact): SupportContact {
  return { tenantId, partnerId, name };
}

function withdrawn(
  subscriptionId: string,
  contact: SupportContact,
  reason: WithdrawalReason,
  withdrawnAt: Instant,
): EventOf<'SupportContactWithdrawn'> {
  return event('SupportContactWithdrawn', { subscriptionId, contact, reason, withdrawnAt });
}
