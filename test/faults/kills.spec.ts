import { describe, expect, it } from '@jest/globals';
import { killedRun, killedStores } from './killed-run.js';
import { observers } from './observers.js';

// A short run of what `npm run kills` does for as long as it is told to.

describe.each(killedStores)('While 32 callers ask and ask again, over %s', (store) => {
  it('servers are killed, no answer differs, and nothing is doubled or lost', async () => {
    const { figures, problems } = await killedRun({ store, seconds: 6, observers });
    expect(problems).toEqual([]);
    // Otherwise it would prove nothing.
    const figure = (what: string) => figures.find(([name]) => name.trim().startsWith(what))![1];
    expect(figure('refused for state')).toBeGreaterThan(20);
    expect(figure('accepted')).toBeGreaterThan(20);
    expect(figure('attempts without an answer')).toBeGreaterThan(0);
  }, 180_000);
});
