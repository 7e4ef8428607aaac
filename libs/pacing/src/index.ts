export * from './occasionally.js';
