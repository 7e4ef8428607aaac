export { PastNotProjected, pastThreads, type PastThreads, type PastToProject } from './as-of-threads.js';
export * from './rebuild.js';
export * from './restarted-projector.js';
export { runProjector, type ProjectorNews } from './run-projector.js';
