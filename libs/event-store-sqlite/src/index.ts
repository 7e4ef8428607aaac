export {
  checkIntegrity,
  type IntegrityFinding,
  type IntegrityOptions,
  type IntegrityProblem,
  type IntegrityReport,
} from './integrity.js';
export { eventsFileIn, lockDirectory, type DirectoryLock } from './directory-lock.js';
export {
  openSqliteEventStore,
  type SqliteEventStore,
  type SqliteEventStoreOptions,
  type SqliteStoreMetrics,
} from './sqlite-event-store.js';
export { StoreStartupError, type StartupProblem } from './store-startup-error.js';
