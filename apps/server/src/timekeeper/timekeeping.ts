import type { ServedLedger } from '../served-ledger.js';
import type { ServerHealth } from '../health/server-health.js';
import { dueItemsIn } from './due-items.js';

export interface Timekeeping {
  /** `standby`: another server of the log keeps time. `off`: this one does not. */
  readonly status: 'on' | 'standby' | 'off';
  readonly holdsLease: boolean;
  /** How long ago the oldest boundary has passed that is not recorded; 0 where there is none. Undefined while the views cannot say. */
  readonly secondsBehind: number | undefined;
}

/** Who keeps time, and how long ago the oldest boundary passed that no server has recorded. */
export async function timekeepingOf(ledger: ServedLedger, { timekeeper }: ServerHealth): Promise<Timekeeping> {
  const now = ledger.clock.estimate();
  const secondsBehind = await dueItemsIn(ledger)
    .earliest()
    .then(
      (earliest) => (earliest === undefined ? 0 : Math.max(0, (now - Date.parse(earliest)) / 1000)),
      // Health and metrics say of each view what is wrong with it.
      () => undefined,
    );
  return {
    status: timekeeper?.status ?? 'off',
    holdsLease: timekeeper?.holdsLease(new Date(now).toISOString()) ?? false,
    secondsBehind,
  };
}
