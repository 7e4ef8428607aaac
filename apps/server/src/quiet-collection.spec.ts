import { describe, expect, it } from '@jest/globals';
import { quietCollection } from './quiet-collection.js';

const mebibyte = 1024 * 1024;

/** A heap of 90 MiB at the start, of which a collection leaves 50. */
function server() {
  const state = { busy: 0, heap: 90 * mebibyte, collections: 0 };
  const look = quietCollection({
    busy: () => state.busy,
    heapBytes: () => state.heap,
    collect() {
      state.collections++;
      state.heap = 50 * mebibyte;
    },
  });
  return { state, look };
}

describe('the collection of garbage in quiet times', () => {
  it('leaves a heap alone that has hardly grown since the start', () => {
    const { state, look } = server();
    state.heap += 31 * mebibyte;
    look();
    expect(state.collections).toBe(0);
  });

  it('waits for the end of a rush, and collects once', () => {
    const { state, look } = server();
    state.heap = 300 * mebibyte;
    state.busy = 0.5;
    look();
    expect(state.collections).toBe(0);
    state.busy = 0.01;
    for (let second = 0; second < 100; second++) look();
    expect(state.collections).toBe(1);
  });

  it('does not collect in each gap of a traffic that has many', () => {
    const { state, look } = server();
    for (let second = 0; second < 310; second++) {
      state.heap += 40 * mebibyte;
      look();
    }
    expect(state.collections).toBe(10);
  });
});
