export type { components, operations, paths } from './api.js';
export { commandRequest, type Command, type CommandData, type CommandName, type RelationshipIds } from './commands.js';
export type { Retry } from './attempts.js';
export type { Followed, FollowOptions, LedgerEvent } from './follow.js';
export {
  ledgerClient,
  ledgerClients,
  type Answered,
  type Call,
  type LedgerClient,
  type LedgerClientOptions,
  type SendOptions,
  type Token,
} from './ledger-client.js';
export type { LedgerPosition } from './ledger-position.js';
export { LedgerProblem, LedgerUnreachable, type Problem, type ProblemCode } from './problem.js';
