/** The partner and the customer of a relationship: tenant GUIDs in lower case, as its stream is named. */
export interface Pair {
  readonly partnerId: string;
  readonly customerId: string;
}

export const keyOf = ({ partnerId, customerId }: Pair) => [partnerId, customerId] as const;

/** Tenants are compared in lower case, however they were asked for. */
export const tenant = (id: string) => id.toLowerCase();
