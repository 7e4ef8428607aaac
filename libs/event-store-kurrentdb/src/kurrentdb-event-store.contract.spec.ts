import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { eventStoreContract } from '#event-sourcing/testing';
import { timeOfDay } from '../../../test/wall-clock.js';
import { startTestPeer, type TestPeer } from '../../../test/test-peer/index.js';
import { openKurrentdbEventStore } from './index.js';

function openStore(connectionString: string, streamPrefix: string) {
  const open = () => openKurrentdbEventStore({ connectionString, allowInsecure: true, streamPrefix });
  let store = open();
  return {
    store,
    async reopen() {
      await store.close();
      return (store = open());
    },
    close: () => store.close(),
  };
}

describe('over the test peer', () => {
  let peer: TestPeer;
  beforeAll(async () => void (peer = await startTestPeer()));
  afterAll(() => peer.close());

  // The database is shared, as it may be in production: every test has the streams of those before it as neighbours.
  eventStoreContract('The KurrentDB store', async () => openStore(peer.connectionString, `contract ${randomUUID()}.`));
});

const url = process.env['LEDGER_EVENT_STORE_URL'];

(url ? describe : describe.skip)(`over a real server (needs LEDGER_EVENT_STORE_URL)`, () => {
  const run = `contract ${timeOfDay().toISOString()} ${randomUUID()}.`;

  eventStoreContract('The KurrentDB store', async () => openStore(url!, `${run}${randomUUID()}.`));
});
