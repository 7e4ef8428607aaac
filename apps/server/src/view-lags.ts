import type { ViewStatus } from '#projector';
import type { Ledger } from './ledger.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error'> {
  readonly position: number;
  /** Positions between the view and the head of the log. */
  readonly events: number;
  /** How long ago the view last moved, while it is behind; 0 when it is not. */
  readonly seconds: number;
}

/** How far every view is behind the head of the store. @throws StoreUnavailable */
export async function viewLags(
  { store, views }: Pick<Ledger, 'store' | 'views'>,
  now = Date.now(),
): Promise<readonly ViewLag[]> {
  // The views first: one that moves meanwhile must not seem to be ahead.
  const statuses = views.status();
  const head = await store.head();
  return statuses.map(({ name, status, error, position, updatedAt }) => {
    const events = Math.max(0, head - position);
    return {
      name,
      status,
      error,
      position,
      events,
      seconds: events === 0 ? 0 : Math.max(0, (now - Date.parse(updatedAt)) / 1000),
    };
  });
}
