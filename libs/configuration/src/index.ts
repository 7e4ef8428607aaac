export * from './configuration.js';
export * from './keys.js';
export * from './partners-file.js';
