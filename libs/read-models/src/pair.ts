import { guid, type RowOf } from './columns.js';

export const pairColumns = { partnerId: guid(), customerId: guid() };

/** The partner and the customer of a relationship: tenant GUIDs in lower case, as in the name of its stream. */
export type Pair = RowOf<typeof pairColumns>;

export const keyOf = ({ partnerId, customerId }: Pair) => [partnerId, customerId] as const;

/** Tenants are compared in lower case; callers may use any case. */
export const tenant = (id: string) => id.toLowerCase();
