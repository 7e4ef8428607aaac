import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore, sealOwn, streamEnd, type EventStore } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { lastOf } from './last-of-stream.js';

describe('the last event of a stream', () => {
  it.each([0, 1, 2, 3, 7, 8, 9, 100])('is found among %i with few reads', async (count) => {
    const store = inMemoryEventStore();
    const fact = { type: 'Happened', data: {}, schema: 1 };
    const facts = Array.from({ length: count }, () => fact);
    if (count > 0)
      await store.append('long', sealOwn(seal, 'long', streamEnd(undefined), '2026-11-22T16:00:00.000Z', facts), -1);
    let readings = 0;
    const counted: EventStore = {
      ...store,
      read(...args) {
        readings++;
        return store.read(...args);
      },
    };
    for (let from = -1; from < count; from++) {
      readings = 0;
      expect((await lastOf(counted, 'long', from))?.revision).toBe(count === 0 ? undefined : count - 1);
      expect(readings).toBeLessThanOrEqual(16);
    }
  });
});
