import type { SupportContact, SupportContactCommands } from '#customer-relationship';
import { Guid, Matching, Nested, Text } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody } from './commented-body.js';

class SupportContactFields implements SupportContact {
  @Guid() tenantId!: string;
  @Matching(/^\d{1,20}$/, 'a Partner (MPN) id: digits', '4847383') partnerId!: string;
  @Text(200) name!: string;
}

class AssignSupportContactBody extends CommentedBody {
  @Nested(SupportContactFields) contact!: SupportContactFields;
}

export const supportContactRoutes = routesOf<SupportContactCommands>()({
  AssignSupportContact: {
    path: 'subscriptions/:subscriptionId/support-contact/assign',
    body: AssignSupportContactBody,
  },
  WithdrawSupportContact: { path: 'subscriptions/:subscriptionId/support-contact/withdraw', body: CommentedBody },
});
