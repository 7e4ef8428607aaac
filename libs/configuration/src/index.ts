export * from './configuration.js';
export { isLoopback, type IssuerSettings } from './issuer-settings.js';
export { limitsOf, type Limits } from './limit-settings.js';
export * from './keys.js';
export * from './partners-file.js';
export type { PastViewsBounds } from './past-view-settings.js';
export { telemetryFrom } from './telemetry-settings.js';
export type { TimekeeperBounds } from './time-settings.js';
export { webOf, type WebSettings } from './web-settings.js';
