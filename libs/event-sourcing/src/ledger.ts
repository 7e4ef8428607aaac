import { createHmac, randomUUID, timingSafeEqual, type KeyObject } from 'node:crypto';
import { LogDamaged, RevisionConflict, type EventStore, type RecordedEvent } from './event-store.js';
import type { Seal } from './hash-chain.js';
import { sealOwn, streamEnd } from './sealing.js';

/** The stream whose first event names the ledger. */
export const ledgerStream = 'ledger';

// Stored for ever: never rename a field.
export interface LedgerEvents {
  /** The first event of the ledger: it gives the log its identity. */
  LedgerOpened: { readonly ledgerId: string; readonly openedAt: string };
  /** Fingerprints of commands are made with this secret from now on. Of it the log holds a keyed fingerprint alone. */
  LedgerSecretAdopted: { readonly fingerprint: string; readonly adoptedAt: string };
}

export interface LedgerIdentity {
  /** A GUID: positions of another ledger, or of one restored from before this one, are not positions of this. */
  readonly ledgerId: string;
  /** Of the secret that its commands are fingerprinted with, where the log names one; see {@link secretFingerprint}. */
  readonly secretFingerprint?: string;
}

/** Commands would be fingerprinted with a secret that no other server of this ledger has. */
export class AnotherLedgerSecret extends Error {
  override readonly name = 'AnotherLedgerSecret';
}

/**
 * The identity of the log in a store, which is made when the log is first opened. Of several servers that open an empty log at once,
 * all get what the first wrote. With a secret, the log also remembers which one it is, and no other is taken: servers
 * with different secrets would not know each other's retries.
 * @throws AnotherLedgerSecret, StoreUnavailable, OutcomeUnknown, LogDamaged
 */
export async function openLedger(
  store: EventStore,
  seal: Seal,
  now: string = new Date().toISOString(),
  secret?: KeyObject,
): Promise<LedgerIdentity> {
  for (;;) {
    const history = await store.read(ledgerStream);
    const known = ledgerOf(history);
    if (known && !secret) return known;
    if (known?.secretFingerprint !== undefined) return ofSecret(known, secret!);
    const ledgerId = known?.ledgerId ?? randomUUID();
    const adopted = secret && { secretFingerprint: secretFingerprint(secret, ledgerId) };
    const isAppended = await append(store, seal, history, now, [
      ...(known ? [] : [['LedgerOpened', { ledgerId, openedAt: now }] as const]),
      ...(adopted ? [secretAdopted(adopted.secretFingerprint, now)] : []),
    ]);
    if (isAppended) return { ledgerId, ...adopted };
  }
}

/**
 * Makes another secret that of the ledger. What was fingerprinted before is no longer recognised, so every server must
 * have stopped and must start with the new one.
 * @throws Error when there is no ledger yet; StoreUnavailable, OutcomeUnknown, LogDamaged
 */
export async function adoptLedgerSecret(
  store: EventStore,
  seal: Seal,
  secret: KeyObject,
  now: string = new Date().toISOString(),
): Promise<'adopted' | 'adoptedBefore'> {
  for (;;) {
    const history = await store.read(ledgerStream);
    const known = ledgerOf(history);
    if (!known) throw new Error('There is no ledger yet: the first server that starts adopts its secret.');
    const fingerprint = secretFingerprint(secret, known.ledgerId);
    if (known.secretFingerprint === fingerprint) return 'adoptedBefore';
    if (await append(store, seal, history, now, [secretAdopted(fingerprint, now)])) return 'adopted';
  }
}

/** The identity of the log if it has one; for those who only read. @throws StoreUnavailable, LogDamaged */
export async function readLedger(store: EventStore): Promise<LedgerIdentity | undefined> {
  return ledgerOf(await store.read(ledgerStream));
}

function ledgerOf(events: readonly RecordedEvent[]): LedgerIdentity | undefined {
  const [first] = events;
  if (!first) return undefined;
  const { ledgerId } = first.data as { readonly ledgerId?: unknown };
  if (first.type !== 'LedgerOpened' || typeof ledgerId !== 'string')
    throw new LogDamaged(
      `Stream ${ledgerStream} starts with ${first.type}, which does not name a ledger. Are these the events of another application? ` +
        'Then set LEDGER_STREAM_PREFIX, or DATA_DIR, to those of this ledger; else restore the log from a backup.',
    );
  const adopted = events.findLast(({ type }) => type === 'LedgerSecretAdopted');
  if (!adopted) return { ledgerId };
  const { fingerprint } = adopted.data as { readonly fingerprint?: unknown };
  if (typeof fingerprint !== 'string')
    throw new LogDamaged(
      `Revision ${adopted.revision} of stream ${ledgerStream} does not name a secret. Restore the log from a backup.`,
    );
  return { ledgerId, secretFingerprint: fingerprint };
}

/** What the log may hold of a secret: an HMAC-SHA-256 with it over the ledger's id, in hexadecimal. */
export function secretFingerprint(secret: KeyObject, ledgerId: string): string {
  // A text that no other use of the secret can be given.
  return createHmac('sha256', secret).update(`secret of ledger ${ledgerId}`).digest('hex');
}

function ofSecret(ledger: LedgerIdentity, secret: KeyObject): LedgerIdentity {
  const mine = secretFingerprint(secret, ledger.ledgerId);
  const theirs = ledger.secretFingerprint!;
  if (mine.length !== theirs.length || !timingSafeEqual(Buffer.from(mine), Buffer.from(theirs)))
    throw new AnotherLedgerSecret(
      `Ledger ${ledger.ledgerId} has adopted another secret: its fingerprint is ${theirs.slice(0, 12)}…, this one's ${mine.slice(0, 12)}…`,
    );
  return ledger;
}

type LedgerEvent = { [N in keyof LedgerEvents]: readonly [type: N, data: LedgerEvents[N]] }[keyof LedgerEvents];

function secretAdopted(fingerprint: string, now: string): LedgerEvent {
  return ['LedgerSecretAdopted', { fingerprint, adoptedAt: now }];
}

/**
 * Appends at the revision that was read, all in one: of two servers with different secrets only one can be the first. False when
 * another server was faster: what it wrote counts.
 */
async function append(
  store: EventStore,
  seal: Seal,
  history: readonly RecordedEvent[],
  now: string,
  events: readonly LedgerEvent[],
): Promise<boolean> {
  const end = streamEnd(history.at(-1));
  const own = events.map(([type, data]) => ({ type, data, schema: 1 }));
  try {
    await store.append(ledgerStream, sealOwn(seal, ledgerStream, end, now, own), end.revision);
    return true;
  } catch (error) {
    if (error instanceof RevisionConflict) return false;
    throw error;
  }
}
