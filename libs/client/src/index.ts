/** The form of a position in the ledger, as answers bring it and queries send it. */
export type LedgerPosition = `${string};ledger="${string}"`;
