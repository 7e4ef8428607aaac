import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { fileUnusable, type EventStore, type FileUnusable, type FileUse } from '#event-sourcing';
import { readCheckpoints, type CheckpointRow } from './checkpoints.js';

/** The views show events of another ledger, or events that this log does not have, or they cannot be read. */
export class ForeignViews extends Error {
  override readonly name = 'ForeignViews';
}

/** The views cannot be read: they may show events that the log does not have. */
export class UnreadableViews extends ForeignViews {}

/** Says what is wrong with the file of the views, and what to do: all of it can be rebuilt from the log. */
export function viewsUnusable(path: string, purpose: FileUse['purpose'], error: unknown): FileUnusable {
  return fileUnusable(viewsAt(path, purpose), error);
}

export function viewsAt(path: string, purpose: FileUse['purpose']): FileUse {
  return { what: 'The views', path, purpose, restore: remedyOfDamage };
}

/**
 * Checks that the views, if there are any, are of this log and of the history that it holds now. Only reads; call it before
 * anything is written to a log. A log without an identity has had no views.
 * @throws ForeignViews, and what the log throws
 */
export async function refuseForeignViews(
  path: string,
  ledgerId: string | undefined,
  log: Pick<EventStore, 'head' | 'idAt'>,
): Promise<void> {
  if (!existsSync(path)) return;
  let known: readonly CheckpointRow[];
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    known = readCheckpoints(database);
  } catch (error) {
    const { message } = viewsUnusable(path, 'read', error);
    throw new UnreadableViews(message, { cause: error });
  } finally {
    database?.close();
  }
  // After the checkpoints: a projector of another process may be moving them.
  refuseForeign(path, known, ledgerId, await log.head());
  await refuseLost(path, known, log);
}

/** A restored log may have grown past the views. It has other events at the positions of the last events of the views. */
async function refuseLost(path: string, known: readonly CheckpointRow[], log: Pick<EventStore, 'idAt'>): Promise<void> {
  const ids = new Map<number, string | undefined>();
  for (const { name, lastEventPosition: position, lastEventId: expected } of known) {
    if (position == null || expected == null) continue;
    if (!ids.has(position)) ids.set(position, await log.idAt(position));
    const id = ids.get(position);
    if (id !== expected)
      throw new ForeignViews(
        `${path} shows ${name} with event ${expected} at position ${position}, where the log ${id === undefined ? 'has none' : `has ${id}`}: ${shorter}`,
      );
  }
}

/** A rebuild removes the last evidence of what a cut log has lost. So it is not offered without a warning. */
const accepted =
  'If the log was put there on purpose and you accept what it does not have, rebuild the views: "npm run rebuild -- --accept-lost-events".';
const shorter =
  'the log is shorter than what was projected from it. Its newest events were taken away, or an older backup was restored. ' +
  `Find out which, and restore the newest backup. ${accepted}`;
export const remedyOfDamage =
  'Run "npm run integrity", then rebuild the views: "npm run rebuild". What they showed cannot be compared with the log any more; a copy kept elsewhere can.';

/** @throws ForeignViews where checkpoints are of another ledger, or after the head of the log */
export function refuseForeign(
  path: string,
  known: readonly CheckpointRow[],
  ledgerId: string | undefined,
  head: number,
): void {
  const foreign = known.find((row) => row.ledgerId !== ledgerId);
  if (foreign && ledgerId === undefined)
    throw new ForeignViews(
      `${path} shows ledger ${foreign.ledgerId}, but the log holds none: it was emptied, or it is another log. ` +
        'Nothing was written to it. Restore it, or correct where the log is. For a new ledger take a data directory without views.',
    );
  if (foreign)
    throw new ForeignViews(
      `${path} shows ledger ${foreign.ledgerId}, this one is ${ledgerId}: the log was replaced, or this is the data directory of another. Restore the right one. ${accepted}`,
    );
  const beyond = known.find(({ position }) => position > head);
  if (beyond)
    throw new ForeignViews(
      `${path} shows ${beyond.name} at position ${beyond.position}, but the log ends at ${head}: ${shorter}`,
    );
}
