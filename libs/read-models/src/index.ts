export { objectSchema, type Column, type Columns, type Schema } from './columns.js';
export * from './customer-list.js';
export * from './delegated-admin-grants.js';
export { dueBefore, dueList, dueViews, earliestDue, type DueItem } from './due-list.js';
export * from './ended-relationships.js';
export { belongsTo, type Explained } from './explained.js';
export type { Accepts, Filter } from './filters.js';
export * from './history.js';
export * from './items.js';
export {
  InvalidCursor,
  maxPageSize,
  type Beside,
  type Circumstances,
  type Cursor,
  type List,
  type ListRequest,
  type ListRoute,
  type Page,
  type PageRequest,
} from './list.js';
export type { Pair } from './pair.js';
export * from './relationship-requests.js';
export * from './support-contacts.js';
export type { View } from './view.js';
export * from './views.js';
