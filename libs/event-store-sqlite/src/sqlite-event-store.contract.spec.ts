import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventStoreContract } from '#event-sourcing/testing';
import { openSqliteEventStore } from './index.js';

eventStoreContract('The SQLite store', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'event-store-'));
  const path = join(directory, 'events.sqlite');
  let store = openSqliteEventStore({ path });
  return {
    store,
    async reopen() {
      await store.close();
      return (store = openSqliteEventStore({ path }));
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});
