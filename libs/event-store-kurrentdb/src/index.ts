export {
  StoreRefused,
  type KurrentdbEventStore,
  type KurrentdbEventStoreOptions,
  type KurrentdbStoreMetrics,
  type Refusal,
} from './kurrentdb-event-store.js';
