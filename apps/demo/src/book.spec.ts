import { describe, expect, it } from '@jest/globals';
import { decideOn, fold, Rejection } from '#event-sourcing';
import {
  blockerKinds,
  customerRelationship,
  defaultPolicy,
  removalBlockers,
  type CustomerRelationship,
  type Partner,
} from '#customer-relationship';
import { bookOfBusiness } from './book.js';
import type { CustomerStory } from './story.js';

const reseller = { tenantId: 'b2000000-0000-4000-8000-000000000002', partnerId: '2222222', name: 'Second Line' };
const partner = (id: string, details: Partial<Partner>): Partner => ({
  tenantId: `a${id}000000-0000-4000-8000-000000000001`,
  partnerId: id.repeat(7),
  name: `Partner ${id}`,
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [],
  ...details,
});
const partners = [
  partner('1', {}),
  partner('3', { type: 'indirectProvider', market: 'DE', resellers: [reseller] }),
  partner('4', { type: 'indirectReseller' }),
  partner('5', { standing: 'restricted' }),
];
const today = '2026-11-22';
const options = { seed: '7', customers: 200, today, partners };
const book = bookOfBusiness(options);

/** The story as the domain takes it, a command every second from the book's day on; anything unexpected is a line. */
function play({ partner, customer, steps }: CustomerStory) {
  const state = customerRelationship.initialState();
  const unexpected: string[] = [];
  let at = Date.parse(`${today}T00:00:01.000Z`);
  for (const { command, by, refusedAs } of steps) {
    const now = new Date((at += 1_000)).toISOString();
    let answer: string | undefined;
    try {
      const context = { now, actor: by, policy: defaultPolicy, partner, customerId: customer.id };
      fold(customerRelationship, decideOn(customerRelationship, state, command, context), state);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      answer = error.code;
    }
    if (answer !== refusedAs)
      unexpected.push(
        `${command.type} ${JSON.stringify(command.data)}: ${answer ?? 'accepted'} instead of ${refusedAs ?? 'accepted'}`,
      );
  }
  return { state, unexpected };
}

describe('the book of business', () => {
  it.each([...new Set(book.map(({ title }) => title))])('goes as it is written: %s', (title) => {
    expect(book.filter((story) => story.title === title).flatMap((story) => play(story).unexpected)).toEqual([]);
  });

  it('shows every state of everything', () => {
    const states = book.map((story) => play(story).state);
    const statusesOf = (items: (state: CustomerRelationship) => Iterable<{ status: string }>) =>
      new Set(states.flatMap((state) => [...items(state)].map(({ status }) => status)));

    expect(new Set(states.map(({ status }) => status))).toEqual(
      // A partner that may not request has no relationship.
      new Set(['unknown', 'requested', 'requestDeclined', 'requestWithdrawn', 'requestExpired', 'active', 'removed']),
    );
    for (const kind of ['newCommerce', 'legacy', 'marketplace', 'azurePlan'] as const)
      expect({
        kind,
        statuses: [
          ...statusesOf(({ subscriptions }) => subscriptions.values().filter((item) => item.kind === kind)),
        ].sort(),
      }).toEqual({
        kind,
        statuses: {
          newCommerce: [
            'active',
            'deleted',
            'disabled',
            'expired',
            'pending',
            'provisioningCancelled',
            'provisioningFailed',
            'suspended',
          ],
          legacy: ['active', 'expired', 'suspended'],
          marketplace: ['active', 'deleted', 'suspended'],
          azurePlan: ['active', 'suspended'],
        }[kind],
      });
    expect(statusesOf(({ reservations }) => reservations.values())).toEqual(
      new Set(['active', 'cancellationRequested', 'cancelled', 'expired']),
    );
    expect(statusesOf(({ software }) => software.values())).toEqual(new Set(['completed', 'cancelled', 'expired']));
    expect(statusesOf(({ savingsPlans }) => savingsPlans.values())).toEqual(new Set(['active', 'expired']));
    expect(statusesOf(({ grants }) => grants.values().filter(({ kind }) => kind === 'gdap'))).toEqual(
      new Set(['created', 'deleted', 'approvalPending', 'withdrawn', 'active', 'terminated', 'expired', 'revoked']),
    );
    expect(statusesOf(({ grants }) => grants.values().filter(({ kind }) => kind === 'dap'))).toEqual(
      new Set(['approved', 'terminated', 'revoked']),
    );
    expect(states.some(({ relationshipTerm }) => relationshipTerm > 1)).toBe(true);
  });

  it('has customers who can be removed and customers whom everything keeps', () => {
    const now = `${today}T12:00:00.000Z`;
    const active = book.map((story) => play(story).state).filter(({ status }) => status === 'active');
    const kinds = new Set(
      active.flatMap((state) => removalBlockers(state, defaultPolicy, now).map(({ kind }) => kind)),
    );

    expect(
      active.some((state) => state.subscriptions.size > 0 && removalBlockers(state, defaultPolicy, now).length === 0),
    ).toBe(true);
    // The other kinds block under the later policy only.
    expect(kinds).toEqual(new Set(blockerKinds).difference(new Set(['savingsPlan', 'suspendedNewCommerce'])));
  });

  it('is the same for the same seed, and differs for another seed', () => {
    expect(bookOfBusiness(options)).toEqual(book);
    expect(bookOfBusiness({ ...options, customers: 20 })).toEqual(book.slice(0, 20));
    const other = bookOfBusiness({ ...options, seed: '8' });
    expect(
      new Set(other.map(({ customer }) => customer.id)).intersection(new Set(book.map(({ customer }) => customer.id))),
    ).toEqual(new Set());
  });

  it('repeats neither an idempotency key, an id, a company nor the name of a grant', () => {
    const steps = book.flatMap((story) => story.steps.map((step) => ({ ...step, partner: story.partner.tenantId })));
    const repeated = (values: string[]) => values.filter((value, index) => values.indexOf(value) !== index);

    expect(repeated(steps.map(({ idempotencyKey }) => idempotencyKey))).toEqual([]);
    expect(repeated(book.map(({ customer }) => customer.id))).toEqual([]);
    expect(repeated(book.map(({ customer }) => customer.domain))).toEqual([]);
    // A deleted draft has no name any more (rule G4a).
    const deleted = new Set(
      steps.map(({ command }) => (command.type === 'DeleteDelegatedAdminRequest' ? command.data.grantId : undefined)),
    );
    expect(
      repeated(
        steps.flatMap(({ command, partner }) =>
          command.type === 'RequestDelegatedAdmin' && !deleted.has(command.data.grantId)
            ? [`${partner}/${command.data.name}`]
            : [],
        ),
      ),
    ).toEqual([]);
  });

  it('uses no real names: domains are reserved ones, and restricted partners have no customers', () => {
    expect(book.filter(({ customer }) => !/^[a-z0-9-]+\.example$/.test(customer.domain))).toEqual([]);
    expect(book.filter((story) => story.partner.standing !== 'good')).toEqual([]);
  });
});
