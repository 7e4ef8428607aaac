import { eventStoreContract } from './event-store-contract.js';
import { inMemoryEventStore } from './in-memory-event-store.js';

eventStoreContract('The in-memory store', async () => {
  const store = inMemoryEventStore();
  return { store, close: () => store.close() };
});
