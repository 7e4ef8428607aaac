import { ViewNotBuilt, ViewsDamaged } from '#projector';
import { historyView, latestRecording } from '#read-models';
import type { ServedLedger } from './served-ledger.js';

/** The latest time at which an event was recorded, as far as the views know; undefined where they know none. */
export async function newestRecording({ views }: Pick<ServedLedger, 'views'>): Promise<string | undefined> {
  try {
    return (await views.read(historyView.projection.name, latestRecording)).result;
  } catch (error) {
    if (error instanceof ViewNotBuilt || error instanceof ViewsDamaged) return undefined;
    throw error;
  }
}
