export * from './customer-list.js';
export * from './delegated-admin-grants.js';
export * from './ended-relationships.js';
export * from './history.js';
export * from './items.js';
export { InvalidCursor, maxPageSize, type Cursor, type Page, type PageRequest } from './keyset.js';
export type { Pair } from './pair.js';
export * from './support-contacts.js';
export * from './views.js';
