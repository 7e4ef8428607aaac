export * from './back-off.js';
export * from './bounded-pool.js';
export * from './loop-turns.js';
export * from './occasionally.js';
