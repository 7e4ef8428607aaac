import { randomUUID } from 'node:crypto';
import { noStream, RevisionConflict, type EventStore } from './event-store.js';
import { noPreviousHash, seal } from './hash-chain.js';

/** The stream whose first event names the ledger. */
export const ledgerStream = 'ledger';

export interface Ledger {
  /** A GUID: positions of another ledger, or of one restored from before this one, are not positions of this. */
  readonly ledgerId: string;
}

/**
 * The identity of the log behind a store; given to it on first sight. Of several servers that open an empty log at once,
 * all get what the first wrote.
 * @throws StoreUnavailable
 */
export async function openLedger(store: EventStore, now: string = new Date().toISOString()): Promise<Ledger> {
  const known = await readLedger(store);
  if (known) return known;
  const ledgerId = randomUUID();
  const commandId = randomUUID();
  const opened = seal(ledgerStream, 0, noPreviousHash, [
    {
      type: 'LedgerOpened',
      data: { ledgerId, openedAt: now },
      metadata: {
        actor: { id: 'ledger', kind: 'system', roles: [], tenant: '' },
        causationId: commandId,
        commandHash: '',
        commandId,
        correlationId: commandId,
        policy: { name: 'none', hash: noPreviousHash },
        recordedAt: now,
        schema: 1,
      },
    },
  ]);
  try {
    await store.append(ledgerStream, opened, noStream);
    return { ledgerId };
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
    return (await readLedger(store))!;
  }
}

/** The identity of the log if it has one; for those who only read. @throws Error when the stream starts with something else */
export async function readLedger(store: EventStore): Promise<Ledger | undefined> {
  const [first] = await store.read(ledgerStream, { from: 0, to: 0 });
  if (!first) return undefined;
  const { ledgerId } = first.data as { readonly ledgerId?: unknown };
  if (first.type !== 'LedgerOpened' || typeof ledgerId !== 'string')
    throw new Error(`Stream ${ledgerStream} starts with ${first.type}, which does not name a ledger`);
  return { ledgerId };
}
