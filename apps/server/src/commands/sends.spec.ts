import { describe, expect, it } from '@jest/globals';
import { defaultRights } from '#customer-relationship';
import { unservedApplication } from '../unserved-application.js';
import { commandRoutes } from './sends.js';

describe('the routes of commands', () => {
  it('are one for each command, with the class of its body', async () => {
    // Every controller comes with it.
    await (await unservedApplication()).close();
    const routes = commandRoutes();
    expect([...routes.keys()].sort()).toEqual(Object.keys(defaultRights).sort());
    for (const [command, { sending, body, below }] of routes) {
      expect(sending.command).toBe(command);
      expect(body.name).toMatch(/Body$/);
      expect(below).toMatch(/^[a-z-]+(\/(:[a-zA-Z]+|[a-z-]+))*$/);
    }
    expect(routes.get('CancelAzureSubscription')!.below).toBe(
      'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId/cancel',
    );
    expect(routes.get('PurchaseSubscription')!.below).toBe('subscriptions');
  });
});
