import type { CommandName } from '#customer-relationship';

/** Ids and values that go together, so that the examples of the document can be sent one after the other. */
export const exampleIds: Readonly<Record<string, string>> = {
  partnerId: 'a1a1a1a1-0001-4000-8000-000000000001',
  subscriptionId: 'sub-0001',
  azureSubscriptionId: 'azure-0001',
  reservationId: 'ri-0001',
  purchaseId: 'sw-0001',
  savingsPlanId: 'plan-0001',
  grantId: 'gdap-0001',
  assignmentId: 'access-0001',
  itemId: 'sub-0001',
};

/** A role of Microsoft Entra: Directory Readers. */
const role = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b';

/** What the example of a body needs besides its required fields, or has in place of them, to be a command that can be done. */
export const bodyExamples: Partial<Readonly<Record<CommandName, Readonly<Record<string, unknown>>>>> = {
  UpdateCustomerProfile: { name: 'Contoso Ltd' },
  PurchaseSubscription: {
    kind: 'newCommerce',
    offerId: 'CFQ7TTC0LH18:0001',
    name: 'Business Basic',
    quantity: 5,
    termDuration: 'P1Y',
    billingCycle: 'monthly',
    provisioned: true,
  },
  ChangeSubscriptionQuantity: { quantity: 7 },
  SetAutoRenew: { autoRenew: false },
  SetSoftwareAutoRenew: { autoRenew: false },
  ScheduleSubscriptionChange: { change: { quantity: 3 } },
  AddAzureSubscription: { name: 'Production' },
  CancelAzureSubscription: { reason: 'No longer needed' },
  AssignSupportContact: {
    contact: { tenantId: exampleIds['partnerId'], partnerId: '4000001', name: 'Northwind Cloud' },
  },
  PurchaseReservation: { name: 'VM D2s v5', commitmentUsdCents: 100_000 },
  PurchaseSoftware: { name: 'SQL Server', lineItems: [{ lineItemId: 'line-1', name: 'SQL Server 2022', quantity: 1 }] },
  PurchaseSavingsPlan: { name: 'Compute', hourlyCommitment: { minorUnits: 500, currency: 'USD' } },
  RecordLegacyDelegatedAdmin: { effectiveAt: '2023-09-01T00:00:00.000Z' },
  RequestDelegatedAdmin: { name: 'Contoso readers', roles: [role], durationDays: 365 },
  UpdateDelegatedAdminRequest: { durationDays: 180 },
  AssignAccess: { roles: [role] },
};
