import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { commands } from '#customer-relationship';
import { commandNames, commandRoutes } from './command-routes.js';

describe('the routes of commands', () => {
  it('are one for each command, with the class of its body', () => {
    expect([...commandNames].sort()).toEqual(Object.keys(commands).sort());
    for (const { body, path } of Object.values(commandRoutes)) {
      expect(body.name).toMatch(/Body$/);
      expect(path).toMatch(/^[a-z-]+(\/(:[a-zA-Z]+|[a-z-]+))*$/);
    }
    expect(new Set(Object.values(commandRoutes).map(({ path }) => path)).size).toBe(commandNames.length);
    expect(commandRoutes.CancelAzureSubscription.path).toBe(
      'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId/cancel',
    );
    expect(commandRoutes.PurchaseSubscription.path).toBe('subscriptions');
  });
});
