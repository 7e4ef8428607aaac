import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StoreUnavailable } from '#event-sourcing';
import { pino } from 'pino';
import { keyOf, type OverdueItem, type DueItems } from './due-items.js';
import { noLease, type Lease } from './lease.js';
import { Timekeeper, type Sent, type Time, type TimekeeperParts } from './timekeeper.js';

const begin = Date.parse('2026-11-29T00:00:00.000Z');
const at = (ms: number) => new Date(begin + ms).toISOString();

/** Time that passes while somebody sleeps, and at no other moment. */
class TestTime implements Time {
  private ms = 0;
  readonly slept: number[] = [];
  now = () => at(this.ms);
  elapsed = () => this.ms;
  sleep = async (ms: number, signal: AbortSignal) => {
    if (signal.aborted) return;
    this.slept.push(ms);
    this.ms += ms;
  };
}

interface Item {
  readonly id: string;
  readonly dueAt: string;
}

/** What is due. The view of the log catches up when the test says so, or at once. */
class Book implements DueItems {
  private readonly recorded: string[] = [];
  private seen = 0;
  lags = false;
  readonly items: Item[] = [];
  readonly sendings: string[] = [];
  /** What becomes of the commands of some items, in place of being recorded. */
  readonly answers = new Map<string, () => Sent>();

  constructor(items: readonly Item[]) {
    this.items.push(...items);
  }

  catchUp(): void {
    this.seen = this.recorded.length;
  }

  private get open(): readonly OverdueItem[] {
    if (!this.lags) this.catchUp();
    const known = new Set(this.recorded.slice(0, this.seen));
    return this.items
      .filter(({ id }) => !known.has(id))
      .map(({ id, dueAt }) => ({
        partnerId: 'partner',
        customerId: 'customer',
        noun: 'reservation' as const,
        id,
        command: 'ExpireReservation' as const,
        dueAt,
        position: this.seen,
      }))
      .toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  }

  async *overdue(now: () => string) {
    let after = '';
    for (
      let next;
      (next = this.open.find((item) => orderOf(item) > after && item.dueAt < now()));
      after = orderOf(next)
    )
      yield next;
  }
  earliest = async () => this.open[0]?.dueAt;

  send = async (item: OverdueItem): Promise<Sent> => {
    this.sendings.push(item.id);
    const answer = this.answers.get(item.id);
    if (answer) return answer();
    if (!this.recorded.includes(item.id)) this.recorded.push(item.id);
    return { outcome: 'accepted', position: this.recorded.indexOf(item.id) + 1 };
  };
}

const orderOf = (item: OverdueItem) => `${item.dueAt} ${keyOf(item)}`;

function keeperOf(book: Book, { time = new TestTime(), ...parts }: Partial<TimekeeperParts> = {}) {
  const logged: object[] = [];
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void logged.push(JSON.parse(line)) },
  );
  const keeper = new Timekeeper({
    due: book,
    send: book.send,
    lease: noLease,
    mayRecord: () => true,
    rate: 100,
    turn: async () => undefined,
    time,
    logger,
    ...parts,
  });
  /** Passes, with the pauses between them, for a while. */
  const keepFor = async (ms: number) => {
    for (const end = time.elapsed() + ms; time.elapsed() < end;)
      await time.sleep(await keeper.pass(), new AbortController().signal);
  };
  return { keeper, time, logged, keepFor };
}

const items = (...dueAt: readonly number[]) => dueAt.map((ms, index) => ({ id: `item-${index}`, dueAt: at(ms) }));

describe('the timekeeper', () => {
  it('sends the command of each item that is due, the oldest first, and of no other', async () => {
    const book = new Book(items(-1, -3, 5_000, -2, -5, -4, 0));
    const { keeper } = keeperOf(book);
    await keeper.pass();
    // An end is inclusive: at its own instant nothing is due yet.
    expect(book.sendings).toEqual(['item-4', 'item-5', 'item-1', 'item-3', 'item-0', 'item-6']);
    expect(keeper.commands).toEqual(new Map([['accepted', 6]]));
  });

  it('sleeps until the first instant after the next boundary, or a second', async () => {
    const time = new TestTime();
    const { keeper } = keeperOf(new Book(items(400, 5_000)), { time });
    expect(await keeper.pass()).toBe(401);
    await time.sleep(401, new AbortController().signal);
    expect(await keeper.pass()).toBe(1_000);
    expect(await keeperOf(new Book([])).keeper.pass()).toBe(1_000);
  });

  it('sends no more in a second than its rate, whatever it has to catch up', async () => {
    const book = new Book(Array.from({ length: 250 }, (_, index) => ({ id: `${index}`, dueAt: at(-1000 + index) })));
    const time = new TestTime();
    const sentAt: number[] = [];
    const send = (item: OverdueItem) => (sentAt.push(time.elapsed()), book.send(item));
    const { keeper } = keeperOf(book, { rate: 50, time, send });
    await keeper.pass();
    expect(sentAt).toHaveLength(250);
    for (const [index, ms] of sentAt.entries())
      if (index >= 50) expect(ms - sentAt[index - 50]!).toBeGreaterThanOrEqual(1_000);
  });

  it('does not send again what the view has not seen recorded yet, however long it lags', async () => {
    const book = new Book(items(-3, -2, -1));
    book.lags = true;
    const { keepFor } = keeperOf(book);
    await keepFor(3_600_000);
    expect(book.sendings).toEqual(['item-0', 'item-1', 'item-2']);
    book.catchUp();
    book.items.push({ id: 'more', dueAt: at(-1) });
    await keepFor(5_000);
    expect(book.sendings.slice(3)).toEqual(['more']);
  });

  it('goes on with the others where one is a bug or always refused, and asks for that one ever less often', async () => {
    const book = new Book(items(-9, -8, -7, -6));
    book.answers.set('item-0', () => {
      throw new RangeError('a bug in a decision');
    });
    book.answers.set('item-1', () => ({ outcome: 'NotDue', position: 0 }));
    const { keeper, keepFor, logged } = keeperOf(book);
    await keepFor(24 * 3_600_000);
    const times = (id: string) => book.sendings.filter((sent) => sent === id).length;
    expect(book.sendings.slice(0, 4)).toEqual(['item-0', 'item-1', 'item-2', 'item-3']);
    expect([times('item-2'), times('item-3')]).toEqual([1, 1]);
    // Twelve pauses that double from a second, and then every hour.
    for (const id of ['item-0', 'item-1']) {
      expect(times(id)).toBeGreaterThan(24);
      expect(times(id)).toBeLessThan(40);
    }
    // The others are forgotten.
    expect(keeper.unsettled).toBe(2);
    expect(keeper.commands.get('failed')).toBe(times('item-0'));
    expect(keeper.commands.get('NotDue')).toBe(times('item-1'));
    expect(logged[0]).toMatchObject({ command: 'ExpireReservation', err: { type: 'RangeError' } });
  });

  it('remembers little of a long backlog, and of one that fails all that it knows', async () => {
    const book = new Book([{ id: 'broken', dueAt: at(-1) }]);
    book.answers.set('broken', () => {
      throw new RangeError('a bug in a decision');
    });
    const { keeper } = keeperOf(book, { rate: 10_000 });
    await keeper.pass();
    const backlog = Array.from({ length: 2_500 }, (_, index) => ({ id: `old-${index}`, dueAt: at(index - 5_000) }));
    book.items.push(...backlog);
    for (const sent of [1_001, 2_001, 2_501]) {
      await keeper.pass();
      expect(book.sendings).toHaveLength(sent);
      expect(keeper.unsettled).toBeLessThanOrEqual(1_001);
    }
    await keeper.pass();
    expect(keeper.unsettled).toBe(1);
    expect(book.sendings).toHaveLength(2_501);
  });

  it('waits for a store that does not answer, longer each time, and then goes on', async () => {
    const book = new Book(items(-9, -8, -7));
    let isThere = false;
    for (const { id } of book.items)
      book.answers.set(id, () => {
        if (!isThere) throw new StoreUnavailable('away');
        book.answers.delete(id);
        return { outcome: 'ConcurrencyConflict', position: 0 };
      });
    const time = new TestTime();
    const { keeper, keepFor } = keeperOf(book, { time });
    await keepFor(600_000);
    expect(time.slept.filter((ms) => ms === 30_000).length).toBeGreaterThan(3);
    expect(keeper.commands.get('unavailable')).toBeLessThan(40);
    isThere = true;
    await keepFor(3_600_000);
    expect(await book.earliest()).toBeUndefined();
  });

  it('sends nothing while nothing must be recorded', async () => {
    const book = new Book(items(-2, -1));
    let mayRecord = false;
    const { keepFor } = keeperOf(book, { mayRecord: () => mayRecord });
    await keepFor(60_000);
    expect(book.sendings).toEqual([]);
    mayRecord = true;
    await keepFor(2_000);
    expect(book.sendings).toEqual(['item-0', 'item-1']);
  });

  it('leaves all to the server that has the lease, and takes over when it has none', async () => {
    const book = new Book(items(-2, -1));
    let isTaken = true;
    const lease: Lease = { take: async () => !isTaken, isHeld: () => !isTaken, release: async () => undefined };
    const { keeper, keepFor } = keeperOf(book, { lease });
    await keepFor(60_000);
    expect([book.sendings, keeper.status]).toEqual([[], 'standby']);
    isTaken = false;
    await keepFor(6_000);
    expect([book.sendings, keeper.status]).toEqual([['item-0', 'item-1'], 'on']);
  });

  it('asks for the lease only when there is something to send', async () => {
    const book = new Book(items(7_000));
    const asked: string[] = [];
    const lease: Lease = { ...noLease, take: async (now) => asked.push(now) > 0 };
    const { keepFor } = keeperOf(book, { lease });
    await keepFor(6_900);
    expect(asked).toEqual([]);
    await keepFor(10_000);
    expect(asked).toEqual([at(7_001)]);
  });

  it('sends nothing more once the lease has run out under it', async () => {
    const book = new Book(items(-3, -2, -1));
    let takes = 0;
    // Frozen after the first command.
    const lease: Lease = { ...noLease, take: async () => ++takes <= 2, isHeld: () => book.sendings.length === 0 };
    const { keeper } = keeperOf(book, { lease });
    expect(await keeper.pass()).toBe(0);
    expect(book.sendings).toEqual(['item-0']);
    await keeper.pass();
    expect([book.sendings, keeper.status]).toEqual([['item-0'], 'standby']);
  });

  it('records everything that falls due, once and in order, whatever the view misses meanwhile', async () => {
    const situation = fc.record({
      due: fc.uniqueArray(fc.integer({ min: -50_000, max: 50_000 }), { minLength: 1, maxLength: 25 }),
      catchesUp: fc.array(fc.boolean(), { minLength: 5, maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(situation, async ({ due, catchesUp }) => {
        const book = new Book(items(...due));
        book.lags = true;
        const { keepFor } = keeperOf(book);
        for (const catches of catchesUp) {
          await keepFor(3_000);
          if (catches) book.catchUp();
        }
        await keepFor(60_000);
        const dueOf = (id: string) => book.items.find((item) => item.id === id)!.dueAt;
        expect(book.sendings.map(dueOf)).toEqual(due.toSorted((one, other) => one - other).map(at));
      }),
    );
  });

  it('ends with the command in hand, and gives the lease back', async () => {
    const book = new Book(items(-2, -1));
    let released = 0;
    const inHand = Promise.withResolvers<Sent>();
    const { keeper } = keeperOf(book, {
      lease: { ...noLease, release: async () => void released++ },
      send: (item) => (book.sendings.push(item.id), inHand.promise),
      time: { ...new TestTime(), sleep: async () => undefined },
    });
    keeper.start();
    while (book.sendings.length === 0) await new Promise(setImmediate);
    const stopped = keeper.stop();
    await new Promise(setImmediate);
    expect(released).toBe(0);
    inHand.resolve({ outcome: 'accepted', position: 1 });
    await stopped;
    expect([book.sendings, released]).toEqual([['item-0'], 1]);
  });
});
