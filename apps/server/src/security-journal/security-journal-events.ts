import { eventCodec } from '#event-sourcing';

/** What every server of the ledger writes denials to. No relationship: projections do not see it. */
export const securityJournalStream = 'securityJournal';

// Stored for ever and read by auditors: never rename an event or a field. Nothing here is personal but the id of an actor;
// no token, no address of a machine or a person, and of a path only the form of its route.
export interface SecurityJournalEvents {
  /** Somebody was not let in, or not let see: once, or several times within a minute. */
  AccessDenied: {
    /** The code of the problem that was answered. */
    readonly code: string;
    readonly method: string;
    /** The form of the address, such as `/v1/customers/:customerId/items`; `unknown` for one that is none. */
    readonly route: string;
    /** Of a caller whose token was verified. */
    readonly tenant?: string;
    readonly actorId?: string;
    /** The partner whose ledger was asked for, if it is one. */
    readonly partnerId?: string;
    readonly count: number;
    readonly firstAt: string;
    readonly lastAt: string;
  };
  /** More was denied than is written down one by one: by then, so often. */
  AccessDenialsOmitted: {
    readonly count: number;
    readonly byCode: { readonly [code: string]: number };
    readonly firstAt: string;
    readonly lastAt: string;
  };
}

export const securityJournalCodec = eventCodec<SecurityJournalEvents>({
  events: { AccessDenied: 'AccessDenied', AccessDenialsOmitted: 'AccessDenialsOmitted' },
});
