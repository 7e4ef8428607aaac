export type { CollectedMetric } from './collected-metrics.js';
export * from './settings.js';
export * from './telemetry.js';
export * from './trace.js';
