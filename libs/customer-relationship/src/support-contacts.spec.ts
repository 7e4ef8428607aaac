import { describe, expect, it } from '@jest/globals';
import type { MessageOf } from '#event-sourcing';
import type { RelationshipEvents } from './events.js';
import type { SupportContact } from './parties.js';
import { initialState } from './state.js';
import {
  assignDefaultContact,
  supportContactSteps,
  withdrawDesignation,
  withdrawDesignations,
  type SupportContactCommands,
} from './support-contacts.js';
import {
  accepted,
  active,
  cancelled,
  contactAssigned,
  context,
  customerId,
  established,
  establishedWithReseller,
  laterPolicy,
  now,
  partner,
  partnerContact,
  policyOf2020,
  purchased,
  reestablished,
  refusalOf,
  removed,
  requested,
  reseller,
  spec,
  suspended,
} from './testing.js';

const { given } = spec;
const stranger: SupportContact = {
  tenantId: 'd4000000-0000-4000-8000-000000000004',
  partnerId: '4444444',
  name: 'Elsewhere',
};

const assign = (contact: SupportContact, subscriptionId = 'seats') =>
  ({ type: 'AssignSupportContact', data: { subscriptionId, contact } }) as const;
const withdraw = { type: 'WithdrawSupportContact', data: { subscriptionId: 'seats' } } as const;
const contactWithdrawn = (
  subscriptionId: string,
  overrides: Partial<RelationshipEvents['SupportContactWithdrawn']> = {},
): MessageOf<RelationshipEvents, 'SupportContactWithdrawn'> => ({
  type: 'SupportContactWithdrawn',
  data: { subscriptionId, contact: partnerContact, reason: 'withdrawn', withdrawnAt: now, ...overrides },
});
const assigned = (contact: SupportContact) => contactAssigned('seats', { contact, byDefault: false, assignedAt: now });

const legacySeats = active('seats', { kind: 'legacy' });
const available = [partner.tenantId, reseller.tenantId];

describe('assigning a support contact', () => {
  it('designates an available reseller for one subscription (rules C1, C2)', () => {
    given(establishedWithReseller, legacySeats).when(assign(reseller)).then(assigned(reseller));
  });

  it('designates the partner itself (rule C2)', () => {
    given(established, legacySeats).when(assign(partnerContact)).then(assigned(partnerContact));
  });

  it('takes the place of the contact before it', () => {
    const history = [...establishedWithReseller, ...legacySeats, contactAssigned('seats')];
    given(history).when(assign(reseller)).then(assigned(reseller));
    expect(given(history, assigned(reseller)).state().designations).toEqual(
      new Map([['seats', { relationshipTerm: 1, contact: reseller }]]),
    );
  });

  it('refuses the contact that is designated already, chosen or by default', () => {
    const details = { subscriptionId: 'seats', tenantId: partner.tenantId };
    given(established, legacySeats, contactAssigned('seats'))
      .when(assign(partnerContact))
      .rejects('NothingToChange', details);
    given(established, legacySeats, assigned(partnerContact))
      .when(assign(partnerContact))
      .rejects('NothingToChange', details);
  });

  it.each([
    ['the name', { ...partnerContact, name: 'Contoso of old' }],
    ['the partner id', { ...partnerContact, partnerId: '1010101' }],
  ])('records %s again when it has changed since', (_, before) => {
    given(established, legacySeats, contactAssigned('seats', { contact: before }))
      .when(assign(partnerContact))
      .then(assigned(partnerContact));
  });

  it.each([
    ['tenantId', { ...partnerContact, tenantId: '' }],
    ['partnerId', { ...partnerContact, partnerId: ' ' }],
    ['name', { ...partnerContact, name: '\t \n' }],
  ] as const)('needs the %s (rule C1)', (field, contact) => {
    given(established, legacySeats)
      .when(assign(contact))
      .rejects('InvalidSupportContact', { missing: [field] });
  });

  it('names everything that is missing, before it looks the subscription up (rule C1)', () => {
    const nothing = {} as SupportContactCommands['AssignSupportContact']['contact'];
    given(established)
      .when(assign(nothing, 'unheard-of'))
      .rejects('InvalidSupportContact', { missing: ['tenantId', 'partnerId', 'name'] });
  });

  it('asks for an active relationship before anything else', () => {
    given(established, legacySeats, removed())
      .when(assign({ ...partnerContact, name: '' }))
      .rejects('NoRelationship', { status: 'removed' });
    given().when(assign(partnerContact)).rejects('RelationshipNotFound');
  });

  it('refuses a subscription that is not known, or of an earlier term', () => {
    given(established).when(assign(partnerContact)).rejects('ItemNotFound', { kind: 'subscription', itemId: 'seats' });
    given(established, legacySeats, removed(), reestablished)
      .when(assign(partnerContact))
      .rejects('ItemOfEarlierTerm', { kind: 'subscription', itemId: 'seats', relationshipTerm: 1 });
  });

  it('is refused for a subscription that was never provisioned (rules C5, P1)', () => {
    const pending = purchased('seats', { kind: 'legacy' });
    given(established, pending).when(assign(partnerContact)).then(assigned(partnerContact));
    given(established, pending, {
      type: 'SubscriptionProvisioningFailed',
      data: { subscriptionId: 'seats', failedAt: now },
    })
      .when(assign(partnerContact))
      .rejects('InvalidTransition', { itemId: 'seats', from: 'provisioningFailed', requires: 'notEnded' });
    given(established, pending, {
      type: 'SubscriptionProvisioningCancelled',
      data: { subscriptionId: 'seats', cancelledAt: now },
    })
      .when(assign(partnerContact))
      .rejects('InvalidTransition', { itemId: 'seats', from: 'provisioningCancelled', requires: 'notEnded' });
  });

  it.each(['legacy', 'marketplace', 'azurePlan'] as const)(
    'is possible for a subscription of kind %s (rule C3)',
    (kind) => {
      given(established, active('seats', { kind })).when(assign(partnerContact)).then(assigned(partnerContact));
    },
  );

  it('is not possible for new commerce, under either policy (rule C3)', () => {
    for (const policy of [policyOf2020, laterPolicy])
      given(established, active('seats', { kind: 'newCommerce' }))
        .when(assign(partnerContact), { policy })
        .rejects('SupportContactNotSupported', { subscriptionId: 'seats', kind: 'newCommerce' });
  });

  it('is possible while suspended, not once deleted (rule C5)', () => {
    given(established, legacySeats, suspended('seats')).when(assign(partnerContact)).then(assigned(partnerContact));
    given(established, legacySeats, cancelled('seats'))
      .when(assign(stranger))
      .rejects('SubscriptionDeleted', { subscriptionId: 'seats' });
  });

  it('refuses a tenant that is neither the partner nor a reseller of it (rule C2)', () => {
    given(establishedWithReseller, legacySeats)
      .when(assign(stranger))
      .rejects('SupportContactNotAvailable', { tenantId: stranger.tenantId, available });
  });

  it('refuses a related reseller that is not available for this customer (rule C2)', () => {
    given(established, legacySeats)
      .when(assign(reseller))
      .rejects('SupportContactNotAvailable', { tenantId: reseller.tenantId, available: [partner.tenantId] });
  });

  it('refuses an available reseller whose partnership has ended (rule C2)', () => {
    given(establishedWithReseller, legacySeats)
      .when(assign(reseller), { partner: { ...partner, resellers: [] } })
      .rejects('SupportContactNotAvailable', { tenantId: reseller.tenantId, available: [partner.tenantId] });
  });

  it('refuses a contact whose name or partner id is not the known one (rule C2)', () => {
    const refused = (contact: SupportContact, details: object) =>
      given(establishedWithReseller, legacySeats).when(assign(contact)).rejects('InvalidSupportContact', details);
    refused({ ...reseller, name: 'Southwind Reseller' }, { field: 'name', known: reseller.name });
    refused({ ...reseller, partnerId: '2020202' }, { field: 'partnerId', known: reseller.partnerId });
    refused(
      { ...partnerContact, partnerId: '2020202', name: 'Southwind' },
      {
        field: 'partnerId',
        faults: [
          { code: 'InvalidSupportContact', field: 'partnerId', known: partner.partnerId },
          { code: 'InvalidSupportContact', field: 'name', known: partner.name },
        ],
      },
    );
    given(establishedWithReseller, legacySeats)
      .when(assign({ ...reseller, tenantId: 'd1000000-0000-4000-8000-000000000009' }))
      .rejects('SupportContactNotAvailable', { available });
  });

  it('takes a tenant in upper case for the same one', () => {
    given(establishedWithReseller, legacySeats)
      .when(assign({ ...reseller, tenantId: reseller.tenantId.toUpperCase() }))
      .then(assigned(reseller));
  });

  it('goes by the names of today', () => {
    const renamed = { ...reseller, name: 'Northwind Cloud' };
    given(establishedWithReseller, legacySeats)
      .when(assign(renamed), { partner: { ...partner, resellers: [renamed] } })
      .then(assigned(renamed));
  });

  it('is a user act of certain roles', () => {
    given(established, legacySeats)
      .when(assign(partnerContact), { actor: { ...context.actor, kind: 'partnerApp' } })
      .rejects('UserContextRequired');
    given(established, legacySeats)
      .when(assign(partnerContact), { actor: { ...context.actor, roles: ['SalesAgent'] } })
      .rejects('RoleNotAllowed', { anyOf: ['GlobalAdmin', 'AdminAgent', 'HelpdeskAgent'] });
    given(established, legacySeats)
      .when(assign(partnerContact), {
        actor: { id: 'chris', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId },
      })
      .rejects('ActorNotAllowed');
  });

  it('keeps to the limit that lets a removal fit one append, except for a replacement', () => {
    const two = { ...policyOf2020, limits: { ...policyOf2020.limits, designations: 2 } };
    const one = [
      ...establishedWithReseller,
      ...legacySeats,
      ...active('mail', { kind: 'legacy' }),
      contactAssigned('mail'),
    ];
    given(one).when(assign(reseller), { policy: two }).then(assigned(reseller));
    const full = [...one, ...active('backup', { kind: 'legacy' }), contactAssigned('backup')];
    given(full).when(assign(reseller), { policy: two }).rejects('LimitReached', { what: 'designations', limit: 2 });
    given(full)
      .when(assign(reseller, 'mail'), { policy: two })
      .then(contactAssigned('mail', { contact: reseller, byDefault: false, assignedAt: now }));
  });
});

describe('withdrawing a support contact', () => {
  it('leaves the subscription without one', () => {
    const history = [...establishedWithReseller, ...legacySeats, contactAssigned('seats', { contact: reseller })];
    given(history)
      .when(withdraw)
      .then(contactWithdrawn('seats', { contact: reseller }));
    expect(given(history, contactWithdrawn('seats', { contact: reseller })).state().designations).toEqual(new Map());
  });

  it('refuses a subscription without one', () => {
    given(established, legacySeats).when(withdraw).rejects('NothingToChange', { subscriptionId: 'seats' });
    given(established, legacySeats, contactAssigned('seats'), contactWithdrawn('seats'))
      .when(withdraw)
      .rejects('NothingToChange', { subscriptionId: 'seats' });
  });

  it('refuses a subscription that is not known, of an earlier term, or of no relationship', () => {
    given(established).when(withdraw).rejects('ItemNotFound', { kind: 'subscription', itemId: 'seats' });
    given(established, legacySeats, removed(), reestablished)
      .when(withdraw)
      .rejects('ItemOfEarlierTerm', { kind: 'subscription', itemId: 'seats', relationshipTerm: 1 });
    given(established, legacySeats, contactAssigned('seats'), removed())
      .when(withdraw)
      .rejects('NoRelationship', { status: 'removed' });
  });

  it('does not ask where the contact came from', () => {
    given(established, legacySeats, contactAssigned('seats', { contact: stranger }))
      .when(withdraw)
      .then(contactWithdrawn('seats', { contact: stranger }));
  });
});

describe('the designation that comes with a purchase', () => {
  const seats = given(requested(), accepted());

  it.each(['directBillPartner', 'indirectProvider'] as const)('is the partner itself, a %s (rule C4)', (type) => {
    expect(assignDefaultContact(seats.state(), 'seats', { ...context, partner: { ...partner, type } })).toEqual([
      {
        type: 'SupportContactAssigned',
        data: { subscriptionId: 'seats', contact: partnerContact, byDefault: true, assignedAt: now },
      },
    ]);
  });

  it('keeps nothing of the partner but the contact (rule C4)', () => {
    const [event] = assignDefaultContact(seats.state(), 'seats', context);
    expect(Object.keys(event!.data.contact)).toEqual(['tenantId', 'partnerId', 'name']);
  });

  it('counts against the bound of the current term only (rule C4)', () => {
    const two = { ...context, policy: { ...policyOf2020, limits: { ...policyOf2020.limits, designations: 2 } } };
    const one = [...established, contactAssigned('seats')];
    expect(assignDefaultContact(given(one).state(), 'mail', two)).toHaveLength(1);
    const full = [...one, contactAssigned('mail')];
    expect(refusalOf(() => assignDefaultContact(given(full).state(), 'backup', two))).toEqual({
      code: 'LimitReached',
      details: { what: 'designations', limit: 2 },
    });
    expect(assignDefaultContact(given(full, removed(), reestablished).state(), 'backup', two)).toHaveLength(1);
  });
});

describe('the end of designations', () => {
  it('comes with the deletion of the subscription (rule C5)', () => {
    const state = given(established, contactAssigned('seats', { contact: reseller }), contactAssigned('mail')).state();
    expect(withdrawDesignation(state, 'seats', 'subscriptionDeleted', now)).toEqual([
      contactWithdrawn('seats', { contact: reseller, reason: 'subscriptionDeleted' }),
    ]);
    expect(withdrawDesignation(state, 'backup', 'subscriptionDeleted', now)).toEqual([]);
  });

  it('comes with the removal for every one of the current term, by subscription id (rule R17)', () => {
    const state = given(
      established,
      contactAssigned('an-old-one'),
      removed(),
      reestablished,
      contactAssigned('seats', { contact: reseller }),
      contactAssigned('backup'),
      contactAssigned('mail'),
    ).state();
    const reason = 'relationshipRemoved';
    expect(withdrawDesignations(state, now)).toEqual([
      contactWithdrawn('backup', { reason }),
      contactWithdrawn('mail', { reason }),
      contactWithdrawn('seats', { contact: reseller, reason }),
    ]);
  });

  it('is in the same append as the removal (rule R17)', () => {
    given(established, legacySeats, suspended('seats'), contactAssigned('seats'))
      .when({ type: 'RemoveResellerRelationship', data: {} })
      .then(removed(1, now), contactWithdrawn('seats', { reason: 'relationshipRemoved' }));
  });

  it('is recorded without judging', () => {
    const state = initialState();
    supportContactSteps.SupportContactWithdrawn(state, contactWithdrawn('unheard-of').data);
    expect(state).toEqual(initialState());
  });
});
