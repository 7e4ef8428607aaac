export { expectedRevisions, type EventLog, type LogRecord } from './log.js';
export type { Counts, ServerRules } from './call-context.js';
export type { Fault, FaultOptions, FaultPoint, Faults, FaultyCall } from './faults.js';
export { startTestPeer, type TestPeer, type TestPeerOptions } from './test-peer.js';
