import { describe, expect, it } from '@jest/globals';
import { relationshipRequestsProjection, requestRowAt } from './relationship-requests.js';
import { customerId, established, partnerId, reseller, rowsOf, story, type Story } from './testing.js';

const rows = (past: Story) => rowsOf(relationshipRequestsProjection, past).relationship_requests_v1;
const asked = () =>
  story().does('RequestResellerRelationship', {
    customer: { name: 'FABRIKAM', domain: 'Fabrikam.example' },
    market: 'US',
    indirectResellerId: reseller.tenantId,
  });
const end = '2026-04-10T09:00:00.000Z';
const afterEnd = '2026-04-10T09:00:00.001Z';

describe('The view of relationship requests', () => {
  it('holds a request with the end of the time to answer it, and what follows then (R29)', () => {
    expect(rows(asked())).toEqual([
      {
        partnerId,
        customerId,
        name: 'FABRIKAM',
        sortName: 'fabrikam',
        domain: 'fabrikam.example',
        market: 'US',
        indirectResellerName: reseller.name,
        status: 'requested',
        requestedAt: '2026-01-10T09:00:00.000Z',
        expiresAt: end,
        closedAt: null,
        dueAt: end,
        statusThen: 'requestExpired',
        dueCommand: 'ExpireRelationshipRequest',
      },
    ]);
  });

  it.each([
    [
      'requestDeclined',
      '2026-02-01T00:00:00.000Z',
      (past: Story) => past.customerDoes('DeclineResellerRelationship', {}),
    ],
    ['requestWithdrawn', '2026-02-01T00:00:00.000Z', (past: Story) => past.does('WithdrawRelationshipRequest', {})],
    ['requestExpired', end, (past: Story) => past.at(afterEnd).does('ExpireRelationshipRequest', {})],
  ])('keeps one that is closed, with nothing due: %s', (status, closedAt, closing) => {
    expect(rows(closing(asked().at('2026-02-01T00:00:00.000Z')))).toMatchObject([
      { status, closedAt, expiresAt: end, dueAt: '9999-12-31T23:59:59.999Z', statusThen: null, dueCommand: null },
    ]);
  });

  it('leaves one that is accepted to the customer list, and holds the next one after a removal', () => {
    expect(rows(established())).toEqual([]);
    const removed = established().does('RemoveResellerRelationship', {}).at('2026-06-01T12:00:00.000Z');
    const anew = removed.does('RequestResellerRelationship', { customer: { name: 'Fabrikam' }, market: 'US' });
    expect(rows(anew)).toMatchObject([{ status: 'requested', requestedAt: '2026-06-01T12:00:00.000Z', domain: null }]);
  });

  it('holds the last one of a customer', () => {
    const declined = asked().customerDoes('DeclineResellerRelationship', {});
    const anew = declined.does('RequestResellerRelationship', { customer: { name: 'Fabrikam' }, market: 'US' });
    expect(rows(anew)).toMatchObject([{ status: 'requested', name: 'Fabrikam', closedAt: null }]);
  });

  it('lets one lapse by time alone, just as the clock’s command records it (R29)', () => {
    const [open] = rows(asked());
    expect(requestRowAt(open!, end)).toBe(open);
    const [recorded] = rows(asked().at(afterEnd).does('ExpireRelationshipRequest', {}));
    expect(requestRowAt(open!, afterEnd)).toEqual(recorded);
    expect(requestRowAt(recorded!, afterEnd)).toBe(recorded);
  });
});
