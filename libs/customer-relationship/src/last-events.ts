import type { Evolve, Frozen } from '#event-sourcing';
import type { Instant } from './calendar.js';
import type { RelationshipEvents } from './events.js';
import { boundaries } from './boundaries.js';
import { nounsByField, type NamedItem } from './settling.js';
import type { CustomerRelationship, LastEvent } from './state.js';

// The last event of each item: what is reported late cannot have happened before it (rule T1a).

type Steps = Evolve<RelationshipEvents, CustomerRelationship>;
type IdField = keyof typeof nounsByField;
type EventNaming<Field extends IdField> = {
  [N in keyof RelationshipEvents]: RelationshipEvents[N] extends { readonly [F in Field]: string } ? N : never;
}[keyof RelationshipEvents];
/** Of an event, the field with the time from which it counts; null for one that is no matter of its item's history. */
type Dates = {
  readonly [Field in IdField]: {
    readonly [N in EventNaming<Field>]: Extract<keyof RelationshipEvents[N], `${string}At`> | null;
  };
};

const dates: Dates = {
  subscriptionId: {
    SubscriptionPurchased: 'purchasedAt',
    SubscriptionActivated: 'activatedAt',
    SubscriptionProvisioningFailed: 'failedAt',
    SubscriptionProvisioningCancelled: 'cancelledAt',
    SubscriptionSuspended: 'suspendedAt',
    SubscriptionReactivated: 'reactivatedAt',
    AutoRenewEnabled: 'enabledAt',
    AutoRenewDisabled: 'disabledAt',
    SubscriptionQuantityChanged: 'changedAt',
    SubscriptionChangeScheduled: 'scheduledAt',
    ScheduledChangesDiscarded: 'discardedAt',
    CancellationScheduled: 'scheduledAt',
    SubscriptionCancelled: 'cancelledAt',
    SubscriptionRenewed: 'renewedAt',
    SubscriptionExpired: 'expiredAt',
    SubscriptionDisabled: 'disabledAt',
    SubscriptionDeleted: 'deletedAt',
    AzureSubscriptionAdded: 'addedAt',
    AzureSubscriptionCancelled: 'cancelledAt',
    // Whom a subscription names as its contact depends on nothing that is reported late.
    SupportContactAssigned: null,
    SupportContactWithdrawn: null,
  },
  reservationId: {
    ReservationPurchased: 'purchasedAt',
    ReservationOwnersChanged: 'changedAt',
    ReservationCancellationRequested: 'requestedAt',
    ReservationCancelled: 'cancelledAt',
    ReservationCancellationRefused: 'refusedAt',
    ReservationExpired: 'expiredAt',
  },
  purchaseId: {
    SoftwarePurchased: 'purchasedAt',
    SoftwareLineItemCancelled: 'cancelledAt',
    SoftwarePurchaseCancelled: 'cancelledAt',
    SoftwareAutoRenewEnabled: 'enabledAt',
    SoftwareAutoRenewDisabled: 'disabledAt',
    SoftwareRenewed: 'renewedAt',
    SoftwareExpired: 'expiredAt',
  },
  savingsPlanId: {
    SavingsPlanPurchased: 'purchasedAt',
    SavingsPlanExpired: 'expiredAt',
  },
  grantId: {
    DelegatedAdminPrivilegesGranted: 'grantedAt',
    DelegatedAdminRequested: 'requestedAt',
    DelegatedAdminUpdated: 'updatedAt',
    DelegatedAdminLockedForApproval: 'lockedAt',
    DelegatedAdminDeleted: 'deletedAt',
    DelegatedAdminWithdrawn: 'withdrawnAt',
    DelegatedAdminApproved: 'approvedAt',
    DelegatedAdminActivated: 'activatedAt',
    DelegatedAdminExtended: 'extendedAt',
    DelegatedAdminTerminationRequested: 'requestedAt',
    DelegatedAdminTerminated: 'terminatedAt',
    DelegatedAdminExpired: 'expiredAt',
    DelegatedAdminPrivilegesRevoked: 'revokedAt',
    AccessAssignmentCreated: 'createdAt',
    AccessAssignmentUpdated: 'updatedAt',
    AccessAssignmentDeleted: 'deletedAt',
  },
};

/** The steps, each of which also keeps its event as the last of its item. */
export function keepingLastEvents(steps: Steps): Steps {
  const keeping = { ...steps } as Record<string, (state: CustomerRelationship, data: never) => void>;
  for (const [field, ofNoun] of Object.entries(dates) as [IdField, Readonly<Record<string, string | null>>][]) {
    const noun = nounsByField[field];
    for (const [type, date] of Object.entries(ofNoun)) {
      const step = keeping[type]!;
      if (date !== null)
        keeping[type] = (state, data: Readonly<Record<string, string>>) => {
          step(state, data as never);
          keep(state, { noun, id: data[field]! }, type, data[date]);
        };
    }
  }
  return keeping as unknown as Steps;
}

/** An event that counts from an earlier time than one before it is not the last. It is written in place, as states are. */
function keep(state: CustomerRelationship, item: NamedItem, type: string, at: Instant | undefined): void {
  if (at === undefined) return;
  const key = keyOf(item);
  const last = state.lastEvents.get(key);
  if (!last) {
    if (boundaries[item.noun].items(state).has(item.id)) state.lastEvents.set(key, { type, at });
  } else if (last.at <= at) {
    last.type = type;
    last.at = at;
  }
}

/** The event of an item that counts from the latest time, of those that have been recorded. */
export function lastEventOf(
  { lastEvents }: Frozen<CustomerRelationship>,
  item: NamedItem,
): Frozen<LastEvent> | undefined {
  return lastEvents.get(keyOf(item));
}

function keyOf({ noun, id }: NamedItem): string {
  return `${noun} ${id}`;
}
