import type { Instant } from '#customer-relationship';
import { dueRows, type DueRow } from '#read-models';
import type { ServedLedger } from '../served-ledger.js';

/** A thing whose boundary in time comes up, and where the log stood when a view named it. */
export interface DueItem extends DueRow {
  readonly partnerId: string;
  /** The position of the view. */
  readonly position: number;
}

/** What falls due when, as the views know it. */
export interface DueItems {
  /** What is due, the oldest first, to the end; read piece by piece, while it is gone through. */
  readonly overdue: (now: () => Instant) => AsyncIterable<DueItem>;
  /** The first boundary that is not recorded, passed or not; undefined where nothing comes up. */
  readonly earliest: () => Promise<Instant | undefined>;
}

/** The same for the same boundary of the same item. */
export function keyOf({ partnerId, customerId, id, command, dueAt }: DueItem): string {
  return `${partnerId}/${customerId}/clock/${id}/${command}/${dueAt}`;
}

/**
 * Of all partners that the server knows. Reading throws what its views throw.
 * @param head nothing is overdue by a view before it: one that is built anew passes every boundary that was ever recorded
 */
export function dueItemsIn({ views, partners }: Pick<ServedLedger, 'views' | 'partners'>, head = 0): DueItems {
  const sources = [...partners.keys()].flatMap((partnerId) => dueRows.map((rows) => ({ partnerId, rows })));
  return {
    async *overdue(now) {
      const lines = sources.map(({ partnerId, rows }) => {
        const read = async (after?: DueRow): Promise<readonly DueItem[]> => {
          const { result, position } = await views.read(rows.view, (queries) =>
            rows.before(queries, partnerId, now(), after),
          );
          return position < head ? [] : result.map((row) => ({ ...row, partnerId, position }));
        };
        return new Line(read);
      });
      for (;;) {
        for (const line of lines) await line.fill();
        const [next] = lines.filter((line) => line.first).toSorted(byDueAt);
        if (!next) return;
        yield next.take();
      }
    },
    async earliest() {
      const found: Instant[] = [];
      for (const { partnerId, rows } of sources) {
        const { result } = await views.read(rows.view, (queries) => rows.earliest(queries, partnerId));
        if (result !== undefined) found.push(result);
      }
      return found.toSorted()[0];
    },
  };
}

/** What is due of one partner in one view. */
class Line {
  private waiting: DueItem[] = [];
  private last: DueItem | undefined;
  private isAtEnd = false;

  constructor(private readonly read: (after?: DueRow) => Promise<readonly DueItem[]>) {}

  get first(): DueItem | undefined {
    return this.waiting[0];
  }

  /** Reads on when everything has been taken. */
  async fill(): Promise<void> {
    if (this.isAtEnd || this.waiting.length > 0) return;
    this.waiting = [...(await this.read(this.last))];
    this.isAtEnd = this.waiting.length === 0;
  }

  take(): DueItem {
    return (this.last = this.waiting.shift()!);
  }
}

function byDueAt({ first: one }: Line, { first: other }: Line): number {
  return one!.dueAt < other!.dueAt ? -1 : 1;
}
