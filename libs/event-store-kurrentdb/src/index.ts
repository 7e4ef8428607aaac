export { isClientBroken } from './client-errors.js';
export {
  openKurrentdbEventStore,
  type KurrentdbEventStore,
  type KurrentdbEventStoreOptions,
  type KurrentdbStoreMetrics,
} from './kurrentdb-event-store.js';
export type { DeniedRights } from './rights.js';
export { StoreRefused, type Refusal } from './store-refused.js';
