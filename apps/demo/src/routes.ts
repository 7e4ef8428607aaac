import type { MessageOf } from '#event-sourcing';
import type { Actor, CommandName, RelationshipCommands } from '#customer-relationship';

/** Where a command is posted, below the customer; what stands after a colon is taken out of the command's data. */
const routes = {
  RequestResellerRelationship: '/reseller-relationship/request',
  AcceptResellerRelationship: '/reseller-relationship/accept',
  DeclineResellerRelationship: '/reseller-relationship/decline',
  WithdrawRelationshipRequest: '/reseller-relationship/withdraw',
  ExpireRelationshipRequest: '/reseller-relationship/expire',
  RemoveResellerRelationship: '/reseller-relationship/remove',
  ConfirmCustomerAgreement: '/agreement/confirm',
  UpdateCustomerProfile: '/profile/update',

  PurchaseSubscription: '/subscriptions',
  ActivateSubscription: '/subscriptions/:subscriptionId/activate',
  SuspendSubscription: '/subscriptions/:subscriptionId/suspend',
  ReactivateSubscription: '/subscriptions/:subscriptionId/reactivate',
  CancelSubscription: '/subscriptions/:subscriptionId/cancel',
  SetAutoRenew: '/subscriptions/:subscriptionId/auto-renew',
  ChangeSubscriptionQuantity: '/subscriptions/:subscriptionId/quantity',
  ScheduleSubscriptionChange: '/subscriptions/:subscriptionId/schedule-change',
  RenewSubscription: '/subscriptions/:subscriptionId/renew',
  EndSubscriptionTerm: '/subscriptions/:subscriptionId/end-term',
  AdvanceSubscriptionRetention: '/subscriptions/:subscriptionId/advance-retention',
  AddAzureSubscription: '/subscriptions/:subscriptionId/azure-subscriptions',
  CancelAzureSubscription: '/subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId/cancel',
  AssignSupportContact: '/subscriptions/:subscriptionId/support-contact/assign',
  WithdrawSupportContact: '/subscriptions/:subscriptionId/support-contact/withdraw',

  PurchaseReservation: '/reservations',
  CancelReservation: '/reservations/:reservationId/cancel',
  ConfirmReservationCancellation: '/reservations/:reservationId/confirm-cancellation',
  RefuseReservationCancellation: '/reservations/:reservationId/refuse-cancellation',
  ExpireReservation: '/reservations/:reservationId/expire',
  PurchaseSoftware: '/software',
  CancelSoftwarePurchase: '/software/:purchaseId/cancel',
  ExpireSoftware: '/software/:purchaseId/expire',
  PurchaseSavingsPlan: '/savings-plans',
  CancelSavingsPlan: '/savings-plans/:savingsPlanId/cancel',
  ExpireSavingsPlan: '/savings-plans/:savingsPlanId/expire',

  RecordLegacyDelegatedAdmin: '/delegated-admin/record-legacy',
  RequestDelegatedAdmin: '/delegated-admin',
  UpdateDelegatedAdminRequest: '/delegated-admin/:grantId/update',
  LockDelegatedAdminForApproval: '/delegated-admin/:grantId/lock',
  ApproveDelegatedAdmin: '/delegated-admin/:grantId/approve',
  ExtendDelegatedAdmin: '/delegated-admin/:grantId/extend',
  TerminateDelegatedAdmin: '/delegated-admin/:grantId/terminate',
  ExpireDelegatedAdmin: '/delegated-admin/:grantId/expire',
  AssignAccess: '/delegated-admin/:grantId/access-assignments',
  RemoveAccess: '/delegated-admin/:grantId/access-assignments/:assignmentId/remove',
} as const satisfies Record<CommandName, string>;

/** The path of a customer as the sender names it: the customer's own people say which partner they mean. */
export function customerPath(by: Actor, partnerId: string, customerId: string): string {
  return by.kind === 'customerUser'
    ? `/v1/partners/${partnerId}/customers/${customerId}`
    : `/v1/customers/${customerId}`;
}

export function requestOf({ type, data }: MessageOf<RelationshipCommands>): { path: string; body: object } {
  const body: Record<string, unknown> = { ...data };
  const path = routes[type].replace(/:(\w+)/g, (_, name: string) => {
    const id = body[name];
    delete body[name];
    return encodeURIComponent(String(id));
  });
  return { path, body };
}
