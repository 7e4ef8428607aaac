export * from './as-of.js';
export * from './exclusive-lock.js';
export * from './projector.js';
export type { Mark, ViewFailure, ViewState, ViewStatus } from './checkpoints.js';
export { ForeignViews, refuseForeignViews, UnreadableViews, viewsUnusable } from './foreign-views.js';
export { openViewsFile, viewsFileIn, type ViewsFile } from './views-file.js';
export { viewQueries } from './view-queries.js';
export * from './views-reader.js';
