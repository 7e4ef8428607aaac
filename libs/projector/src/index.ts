export * from './as-of.js';
export * from './exclusive-lock.js';
export * from './projector.js';
export {
  ForeignViews,
  openViewsFile,
  refuseForeignViews,
  UnreadableViews,
  viewsFileIn,
  viewsUnusable,
  type Mark,
  type ViewFailure,
  type ViewsFile,
  type ViewState,
  type ViewStatus,
} from './views-file.js';
export * from './views-reader.js';
