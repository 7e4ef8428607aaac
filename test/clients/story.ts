import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

// Where the server is and who asks: `.ci/clients` sets them.
export const baseUrl = process.env['LEDGER_URL']!;
export const partnerId = process.env['PARTNER']!;
export const customerId = process.env['CUSTOMER']!;

export const asPartner = () => ({ Authorization: `Bearer ${process.env['PARTNER_TOKEN']}` });
export const asCustomer = () => ({ Authorization: `Bearer ${process.env['CUSTOMER_TOKEN']}` });

/** A key of its own for every command. */
export const key = () => ({ 'Idempotency-Key': randomUUID() });

export const request = { customer: { name: 'Contoso Bakery', domain: 'contoso.example' }, market: 'US' };

export const purchase = {
  subscriptionId: 'mail-1',
  kind: 'legacy',
  offerId: 'exchange-plan-1',
  name: 'Exchange Online',
  quantity: 25,
  termDuration: 'P1Y',
  provisioned: true,
} as const;

/** @throws Error unless the client has read what the server must have answered */
export function expect<T>(what: string, actual: T, expected: T): void {
  if (!isDeepStrictEqual(actual, expected))
    throw new Error(`${what} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}
