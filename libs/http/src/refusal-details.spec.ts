import { describe, expect, it } from '@jest/globals';
import { rejections } from '#customer-relationship';
import { detailOf, meaningErrors } from './refusal-details.js';
import { whatIsWrongWith } from '../../../test/refusal-text.js';

const codes = Object.keys(rejections);

describe('The detail of a refusal', () => {
  it.each(codes)('%s says what to do next where nothing more is known, as of an earlier release', (code) => {
    expect(whatIsWrongWith(detailOf(code, {}))).toEqual([]);
  });

  it.each([
    ['NoRelationship', { status: 'requested' }, /waits for the customer/],
    ['NoRelationship', { status: 'requestExpired' }, /lapsed unanswered\. Request/],
    ['NoRelationship', { status: 'removed' }, /removed\. Request it again/],
    ['GrantNotActive', { status: 'approvalPending' }, /is approvalPending.*Have the customer approve/],
    ['GrantNotActive', { status: 'expired' }, /is expired.*Request another grant/],
    ['TermEnded', { termEndsAt: '2026-11-22T12:00:00.000Z' }, /ended at 2026-11-22T12:00:00.000Z/],
    ['TrialStatusLocked', { trialEndsAt: '2026-12-20T12:00:00.000Z' }, /2026-12-20T12:00:00.000Z.*auto-renew/],
    [
      'InvalidTransition',
      { itemId: 's-1', from: 'active', to: 'active' },
      /^s-1 is active\. That is what the command asks/,
    ],
    ['InvalidTransition', { itemId: 's-1', from: 'deleted', to: 'suspended' }, /is deleted\. That is final/],
    ['InvalidTransition', { itemId: 's-1', from: 'pending', to: 'suspended' }, /is pending\. Activate it first/],
    [
      'InvalidTransition',
      { itemId: 's-1', from: 'suspended', to: 'provisioningFailed' },
      /is suspended\. It has been provisioned\. Cancel it or let it end/,
    ],
    [
      'InvalidTransition',
      { itemId: 'g-1', from: 'created', to: 'withdrawn', requires: 'approvalPending' },
      /is created\. .*send DeleteDelegatedAdminRequest instead/,
    ],
    [
      'InvalidTransition',
      { itemId: 'g-1', from: 'terminated', to: 'withdrawn', requires: 'approvalPending' },
      /is terminated\. That is final/,
    ],
    [
      'RoleNotAllowed',
      { requires: 'reservationOrderOwner', owners: ['ada', 'grace'] },
      /owners send this: ada, grace.*ChangeReservationOwners/,
    ],
    [
      'RoleNotAllowed',
      { command: 'X', anyOf: ['GlobalAdmin', 'AdminAgent'] },
      /one of these roles: GlobalAdmin, AdminAgent/,
    ],
    ['NotDue', { dueAt: '2026-11-22T12:00:00.001Z' }, /possible from 2026-11-22T12:00:00.001Z/],
    [
      'TermEnded',
      { termEndsAt: '2026-11-22T12:00:00.000Z', retainedUntil: '2027-02-19T12:00:00.000Z' },
      /kept until 2027-02-19T12:00:00.000Z\. To go on with it, buy it again/,
    ],
    ['ParentNotActive', { baseSubscriptionId: 'b', status: 'suspended' }, /b is suspended\. Reactivate the base first/],
    [
      'ParentNotActive',
      { baseSubscriptionId: 'b', status: 'suspended', termEndsAt: '2026-11-22T12:00:00.000Z' },
      /its term ended at 2026-11-22T12:00:00.000Z\. Buy another base/,
    ],
    ['MarketMismatch', { partnerMarket: 'DE', customerMarket: 'AT' }, /A partner of the customer’s country can/],
    [
      'MarketMismatch',
      { partnerMarket: 'DE', customerMarket: 'US', partnerRegion: 'Europe', customerRegion: 'US' },
      /of the customer’s sales region can/,
    ],
    ['CancellationWindowClosed', { closedAt: 'x', termEndsAt: '2027-11-22T12:00:00.000Z' }, /term, 2027-11-22T12:00/],
    ['CancellationWindowClosed', { closedAt: 'x', remedy: 'transfer' }, /no end: have another partner take it over/],
    ['InvalidCustomer', { customerId: 'c', rule: 'notThePartner' }, /^c is the partner itself\. Name/],
  ])('%s of %j is about this occurrence', (code, details, expected) => {
    const detail = detailOf(code, details);
    expect(detail).toMatch(expected);
    expect(whatIsWrongWith(detail)).toEqual([]);
  });

  it('cuts a long list short: the details have all of it', () => {
    const azureSubscriptionIds = Array.from({ length: 30 }, (_, index) => `azure-${index}`);
    expect(detailOf('AzurePlanHasActiveSubscriptions', { azureSubscriptionIds })).toMatch(/azure-9 and 20 more/);
  });
});

describe('What is wrong with the meaning of a command', () => {
  it('is named by place, code and text: the one, or each of several', () => {
    expect(meaningErrors('DurationOutOfRange', { min: 1, max: 730 })).toEqual([
      { pointer: '/durationDays', code: 'DurationOutOfRange', detail: 'Send durationDays from 1 to 730.' },
    ]);
    const faults = [
      { code: 'NameTooLong', maxLength: 50 },
      { code: 'InvalidItem', field: 'owners', rule: 'notEmpty' },
    ];
    expect(meaningErrors('NameTooLong', { maxLength: 50, faults })).toMatchObject([
      { pointer: '/name', code: 'NameTooLong' },
      { pointer: '/owners', code: 'InvalidItem', detail: 'owners must have at least one entry; send one.' },
    ]);
    // It stands in the path, and not in the body.
    expect(meaningErrors('InvalidCustomer', { customerId: 'c' })).toMatchObject([{ pointer: 'customerId' }]);
    expect(meaningErrors('InvalidSupportContact', { field: 'name' })).toMatchObject([{ pointer: '/contact/name' }]);
  });
});
