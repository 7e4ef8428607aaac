import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { observers } from './observers.js';
import { overKurrentdb, overLostMajorities, overSqlite, overTestPeer, type SetUp } from './scenes.js';
import { struckRun } from './struck-run.js';

// The promise of the whole ledger: what has been acknowledged is there, once, whatever happens, and a caller who was
// left without an answer gets the one that counts by asking again under the same key, now and for ever. Short runs of what
// `npm run kills` does for as long as it is asked to; and what else can befall a database. The test peer shows what the
// adapter and the servers do when their peer dies, freezes or changes its leader, not what EventStoreDB does.

const scenes: Record<string, SetUp> = {
  'a server over SQLite': overSqlite,
  'two servers over a database': overKurrentdb,
  'a server over a database that freezes': overTestPeer(1, (peer) => {
    const frozenFor = async (ms: number) => {
      peer.freeze();
      await sleep(ms);
      peer.thaw();
    };
    return {
      'for a moment': () => frozenFor(500),
      'for longer than a call may take': () => frozenFor(4_500),
    };
  }),
  'a server over a database of three nodes': overTestPeer(3, (peer) => ({
    async 'loses its leader'() {
      const lost = await peer.send('kill leader');
      await sleep(Math.random() * 1_500);
      await peer.send(`start ${lost.match(/node \d/)![0]}`);
    },
  })),
  // Longer than the client looks for a node, so that it gives up while streams of it are still ending.
  'two servers and a projector over a database that loses its majority': overLostMajorities(3_000),
};

describe.each(Object.entries(scenes))('While 32 callers ask and ask again at %s', (_, setUp) => {
  it('whatever befalls it, no answer differs, nothing is doubled or lost, and views equal a replay', async () => {
    const { figures, problems } = await struckRun({ setUp, seconds: 3, observers });
    expect(problems).toEqual([]);
    // Otherwise it would prove nothing.
    const figure = (what: string) => figures.find(([name]) => name.trim().startsWith(what))![1];
    expect(figure('refused for state')).toBeGreaterThan(20);
    expect(figure('accepted')).toBeGreaterThan(20);
    // What befalls the database the servers may well hide from callers: by sending an append again, or by waiting.
    expect(
      figure('attempts without an answer') +
        figure('attempts answered with a wait') +
        figure('appends that servers sent again') +
        Math.floor(figure('longest wait') / 3_000),
    ).toBeGreaterThan(0);
  });
});
