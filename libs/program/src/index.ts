export * from './data-directory.js';
export * from './exit-codes.js';
export * from './log-output.js';
export * from './misspelt-variables.js';
export * from './readable-log.js';
export * from './startup-failure.js';
