import {
  comingUp,
  customerRelationship,
  pairOf,
  relationshipCodec,
  relationshipStream,
  type Instant,
  type ItemRef,
  type NextBoundary,
} from '#customer-relationship';
import { foldEvents, pagesOf, type EventStore } from '#event-sourcing';

type Pair = NonNullable<ReturnType<typeof pairOf>>;

/** What time alone brings about next for one thing of a relationship. */
export interface Coming extends Pair {
  readonly item: ItemRef;
  readonly boundary: NextBoundary;
}

export interface Asked {
  /** Tenants in lower case. */
  readonly partnerId?: string | undefined;
  readonly customerId?: string | undefined;
  /** Only boundaries up to here (inclusive). */
  readonly until?: Instant | undefined;
}

const streamsAtOnce = 16;

/**
 * What the log itself says comes next, in the order of time: every relationship is folded, and no view is asked. Memory grows with
 * the number of relationships and not with their histories.
 * @throws StoreUnavailable, LogDamaged
 */
export async function coming(
  store: Pick<EventStore, 'head' | 'read' | 'subscribe'>,
  asked: Asked,
): Promise<readonly Coming[]> {
  const streams = await streamsOf(store, asked);
  const all: Coming[] = [];
  for (let from = 0; from < streams.length; from += streamsAtOnce) {
    const folded = streams.slice(from, from + streamsAtOnce).map((stream) => comingOf(store, stream, asked));
    all.push(...(await Promise.all(folded)).flat());
  }
  return all.toSorted((one, other) => compare(orderOf(one), orderOf(other)));
}

async function streamsOf(
  store: Pick<EventStore, 'head' | 'subscribe'>,
  { partnerId, customerId }: Asked,
): Promise<readonly string[]> {
  if (partnerId !== undefined && customerId !== undefined) return [relationshipStream(partnerId, customerId)];
  const streams = new Set<string>();
  const head = await store.head();
  const reading = new AbortController();
  try {
    if (head > 0)
      for await (const { events, position } of store.subscribe({ after: 0, signal: reading.signal })) {
        for (const { stream } of events) {
          const pair = pairOf(stream);
          if (
            pair &&
            (partnerId ?? pair.partnerId) === pair.partnerId &&
            (customerId ?? pair.customerId) === pair.customerId
          )
            streams.add(stream);
        }
        if (position >= head) break;
      }
  } finally {
    reading.abort();
  }
  return [...streams];
}

async function comingOf(store: Pick<EventStore, 'read'>, stream: string, { until }: Asked): Promise<readonly Coming[]> {
  const state = customerRelationship.initialState();
  for await (const events of pagesOf(store, stream)) foldEvents(customerRelationship, relationshipCodec, events, state);
  const pair = pairOf(stream)!;
  return [...comingUp(state)]
    .filter(({ boundary }) => until === undefined || boundary.at <= until)
    .map((next) => ({ ...pair, ...next }));
}

const orderOf = ({ boundary, partnerId, customerId, item }: Coming) =>
  [boundary.at, partnerId, customerId, item.noun, item.id].join(' ');

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
