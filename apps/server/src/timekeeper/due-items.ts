import type { ClockCommand, Instant } from '#customer-relationship';

/** A thing of a relationship for which a boundary in time comes up: an item, a grant, or the open request. */
export interface DueItem {
  readonly partnerId: string;
  readonly customerId: string;
  readonly noun: Noun;
  /** Empty for the request: a relationship has one at most. */
  readonly id: string;
  /** What records it. */
  readonly command: ClockCommand;
  /** The boundary; it has passed from the instant after it. */
  readonly dueAt: Instant;
  /** The position of the log that the view stood at when it named this. */
  readonly position: number;
}

export type Noun = 'request' | 'subscription' | 'reservation' | 'softwarePurchase' | 'savingsPlan' | 'grant';

/** What falls due when, as the views know it. */
export interface DueItems {
  /** Items that are due before a time, in due order, after one of them: a page, which is empty at the end. */
  readonly before: (time: Instant, after?: DueItem) => Promise<readonly DueItem[]>;
  /** The first boundary that is not recorded, passed or not; undefined where nothing comes up. */
  readonly earliest: () => Promise<Instant | undefined>;
}

/** The same for the same boundary of the same item. */
export function keyOf({ partnerId, customerId, id, command, dueAt }: DueItem): string {
  return `${partnerId}/${customerId}/clock/${id}/${command}/${dueAt}`;
}
