import { eventCodec } from '#event-sourcing';

/** The stream to which every server of the ledger writes denials. It is no relationship, so projections do not see it. */
export const securityJournalStream = 'securityJournal';

// Stored for ever and read by auditors: never rename an event or a field. The id of an actor is the only personal datum: no
// token, no address of a machine or a person, and of a path only the form of its route.
export interface SecurityJournalEvents {
  /** A request was denied: once, or several times within a minute. */
  AccessDenied: {
    /** The code of the problem that was answered. */
    readonly code: string;
    readonly method: string;
    /** The form of the address, such as `/v1/customers/:customerId/items`; `unknown` when no route matches. */
    readonly route: string;
    /** Of a caller whose token was verified. */
    readonly tenant?: string;
    readonly actorId?: string;
    /** The partner whose ledger was asked for, if there is such a partner. */
    readonly partnerId?: string;
    readonly count: number;
    readonly firstAt: string;
    readonly lastAt: string;
  };
  /** How many denials were not recorded one by one because there were too many. */
  AccessDenialsOmitted: {
    /** The partner that they concern; null: none. Absent in schema 1: any. */
    readonly partnerId?: string | null;
    readonly count: number;
    readonly byCode: { readonly [code: string]: number };
    readonly firstAt: string;
    readonly lastAt: string;
  };
}

export const securityJournalCodec = eventCodec<SecurityJournalEvents>({
  events: { AccessDenied: 'AccessDenied', AccessDenialsOmitted: 'AccessDenialsOmitted' },
  schemas: { AccessDenialsOmitted: 2 },
  // Schema 1 counted the denials of all partners together, so the partner is not known.
  upcasts: { 'AccessDenialsOmitted@1': (data) => data },
});
