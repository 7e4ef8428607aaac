import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore, noStream, StoreUnavailable, type EventStore } from '#event-sourcing';
import { sealedAt } from '#event-sourcing/testing';
import { positionsIn } from './positions.js';

const ledger = '223ff650-88b5-4ab5-bbf3-c9b5eca5f24b';

const common = sealedAt('a', 0, 1, 2);

/** Two events that every history has, and others after them. */
async function history(...later: readonly string[]): Promise<EventStore> {
  const store = inMemoryEventStore();
  await store.append('a', common, noStream);
  for (const stream of later) await store.append(stream, sealedAt(stream, 0), noStream);
  return store;
}

describe('a place in the ledger', () => {
  it('names the event at the position in every way of reporting it', async () => {
    const store = await history('b');
    const positions = positionsIn(store, ledger);
    const [, second] = await store.read('a');

    expect(await positions.at(2)).toBe(`2;ledger="${ledger}";event="${second!.id.slice(0, 13)}"`);
    expect(positions.of(second!)).toBe(await positions.at(2));
    expect(await positions.read(await positions.at(2), 3)).toBe(2);
  });

  it('that was lost when the ledger was restored is refused, though the log has grown past it', async () => {
    const lost = positionsIn(await history('lost', 'lost too'), ledger);
    const restored = positionsIn(await history('b', 'c', 'd', 'e'), ledger);

    expect(await restored.read(await lost.at(2), 6)).toBe(2);
    for (const position of [3, 4])
      await expect(restored.read(await lost.at(position), 6)).rejects.toMatchObject({
        code: 'LedgerPositionUnknown',
        members: { reason: 'lostInRestore', head: '6' },
      });
    await expect(restored.asked({ 'ledger-position': await lost.at(4) })).rejects.toMatchObject({
      code: 'LedgerPositionUnknown',
    });
  });

  it('where no event of the log stands any more is refused, if one stood there', async () => {
    const positions = positionsIn({ ...(await history()), idAt: () => Promise.resolve(undefined) }, ledger);

    await expect(positions.read(`1;ledger="${ledger}";event="1b4e28ba-2fa1"`, 2)).rejects.toMatchObject({
      code: 'LedgerPositionUnknown',
    });
    expect(await positions.read(`1;ledger="${ledger}"`, 2)).toBe(1);
    expect(await positions.at(1)).toBe(`1;ledger="${ledger}"`);
  });

  it('is neither reported nor accepted when the store cannot say which event is there', async () => {
    const away = () => Promise.reject(new StoreUnavailable('away'));
    const store = await history('b');
    const place = await positionsIn(store, ledger).at(2);
    const positions = positionsIn({ ...store, idAt: away }, ledger);

    await expect(positions.at(2)).rejects.toThrow(StoreUnavailable);
    await expect(positions.read(place, 3)).rejects.toThrow(StoreUnavailable);
  });

  it('is asked for by the header, by a bare position, or by the further of both', async () => {
    const positions = positionsIn(await history('b'), ledger);
    const header = { 'ledger-position': await positions.at(2) };

    expect(await positions.asked({})).toBe(0);
    expect(await positions.asked(header)).toBe(2);
    expect(await positions.asked({}, '1')).toBe(1);
    expect(await positions.asked(header, '1')).toBe(2);
    expect(await positions.asked(header, '3')).toBe(3);
    await expect(positions.asked(header, '4')).rejects.toMatchObject({ code: 'LedgerPositionUnknown' });
  });
});
