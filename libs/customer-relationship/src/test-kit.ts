// For the tests of other libraries: scenarios, examples of commands, and who may send them.
export * from './test-chronicle.js';
export * from './test-commands.js';
export * from './test-rights.js';
export * from './test-scenarios.js';
