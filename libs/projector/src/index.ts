export * from './as-of.js';
export * from './exclusive-lock.js';
export * from './projector.js';
export {
  ForeignViews,
  openViewsFile,
  refuseForeignViews,
  remedyOf,
  UnreadableViews,
  viewsFileIn,
  type Mark,
  type ViewFailure,
  type ViewsFile,
  type ViewState,
  type ViewStatus,
} from './views-file.js';
export * from './views-reader.js';
