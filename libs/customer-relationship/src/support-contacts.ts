import type { SupportContact } from './parties.js';

export interface SupportContactCommands {
  AssignSupportContact: { readonly subscriptionId: string; readonly contact: SupportContact };
  WithdrawSupportContact: { readonly subscriptionId: string };
}
