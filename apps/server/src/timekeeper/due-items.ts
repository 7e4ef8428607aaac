import type { Instant } from '#customer-relationship';
import { dueBefore, dueViews, earliestDue, type DueItem } from '#read-models';
import type { ServedLedger } from '../served-ledger.js';

/** What is due, and where the log stood when the views named it. */
export interface OverdueItem extends DueItem {
  readonly position: number;
}

/** What falls due when, as the views know it. */
export interface DueItems {
  /** What is due, the oldest first, to the end; read piece by piece, while it is gone through. */
  readonly overdue: (now: () => Instant) => AsyncIterable<OverdueItem>;
  /** The first boundary that is not recorded, passed or not; undefined where nothing comes up. */
  readonly earliest: () => Promise<Instant | undefined>;
}

/** The same for the same boundary of the same item. */
export function keyOf({ partnerId, customerId, id, command, dueAt }: DueItem): string {
  return `${partnerId}/${customerId}/clock/${id}/${command}/${dueAt}`;
}

/**
 * Of all partners that the server knows. Reading throws what the views throw.
 * @param head nothing is overdue by views before it: one that is built anew passes every boundary that was ever recorded
 */
export function dueItemsIn({ views, partners }: Pick<ServedLedger, 'views' | 'partners'>, head = 0): DueItems {
  const partnerIds = [...partners.keys()];
  return {
    async *overdue(now) {
      const lines = partnerIds.map((partnerId) => {
        return new Line(async (after) => {
          const { result, position } = await views.read(dueViews, (queries) =>
            dueBefore(queries, { partnerId, before: now(), ...(after ? { after } : {}) }),
          );
          return position < head ? [] : result.map((item) => ({ ...item, position }));
        });
      });
      for (;;) {
        for (const line of lines) await line.fill();
        const [next] = lines.filter((line) => line.first).toSorted(byDueAt);
        if (!next) return;
        yield next.take();
      }
    },
    async earliest() {
      const { result } = await views.read(dueViews, (queries) =>
        partnerIds.flatMap((partnerId) => earliestDue(queries, partnerId) ?? []),
      );
      return result.toSorted()[0];
    },
  };
}

/** What is due of one partner. */
class Line {
  private waiting: OverdueItem[] = [];
  private last: OverdueItem | undefined;
  private isAtEnd = false;

  constructor(private readonly read: (after: DueItem | undefined) => Promise<readonly OverdueItem[]>) {}

  get first(): OverdueItem | undefined {
    return this.waiting[0];
  }

  /** Reads on when everything has been taken. */
  async fill(): Promise<void> {
    if (this.isAtEnd || this.waiting.length > 0) return;
    this.waiting = [...(await this.read(this.last))];
    this.isAtEnd = this.waiting.length === 0;
  }

  take(): OverdueItem {
    return (this.last = this.waiting.shift()!);
  }
}

function byDueAt({ first: one }: Line, { first: other }: Line): number {
  return one!.dueAt < other!.dueAt ? -1 : 1;
}
