import type { Metadata } from '@grpc/grpc-js';
import type { Fault, FaultPoint, Faults, FaultyCall } from './faults.js';
import type { EventLog } from './log.js';
import { mayDo, type Caller, type Deed, type Users } from './rights.js';
import { accessDenied, notLeader, notReady, unauthenticated, type RpcError } from './rpc-errors.js';

/** The behaviours of the server that changed with a release, named after the release. */
export type ServerRules = '23.10' | '24.10';

export interface Counts {
  features: number;
  gossip: number;
  /** Calls of the classic append. */
  appends: number;
  /** Appends on batch streams. */
  batchAppends: number;
  reads: number;
  subscriptions: number;
  deletes: number;
  tombstones: number;
  connections: number;
  /** Subscriptions ended because too many live events waited. */
  tooSlow: number;
}

/** What the calls of one node are answered from. */
export interface CallContext {
  readonly node: number;
  readonly log: EventLog;
  readonly faults: Faults;
  readonly counts: Counts;
  /** The clock of the server, shifted or not. */
  readonly now: () => number;
  readonly sizeRule: ServerRules;
  readonly maxAppendSize: number;
  /** How many events may wait for a live subscription besides the one being sent. */
  readonly liveBuffer: number;
  /** 23.10 starts after the first event at or after the position, even when that is not the one at the position. */
  readonly skipsAfterScavenged: boolean;
  /** Some patches of 24.10 and 25.0 end a catch-up with a checkpoint where the next event will stand, its prepare position missing. */
  readonly marksTheEnd: boolean;
  readonly users: Users | undefined;
  /** What nobody has a right to any more: `$all`, or names of streams. */
  readonly denied: ReadonlySet<string>;
  readonly isReady: () => boolean;
  readonly isLeader: () => boolean;
  readonly leader: () => { readonly host: string; readonly port: number } | undefined;
  /** Resolves when the node is not frozen. */
  readonly thawed: () => Promise<void> | undefined;
  readonly cut: () => void;
  readonly kill: () => void;
  /** Ends the open subscriptions on demand. */
  readonly liveCalls: Set<(error: RpcError) => void>;
  /** The same for open streams of batch appends. */
  readonly batchCalls: Set<(error: RpcError) => void>;
}

/** Why a call is refused before anything is looked at. Without users every caller is admin, as on an insecure server. */
export function identify(context: CallContext, metadata: Metadata): Caller | RpcError {
  return identified(context, metadata.get('authorization')[0]?.toString());
}

export function identified({ users }: CallContext, authorization: string | undefined): Caller | RpcError {
  if (!users) return { name: undefined, isAdmin: true };
  if (authorization === undefined) return { name: undefined, isAdmin: false };
  const [, encoded = ''] = /^Basic (.+)$/i.exec(authorization) ?? [];
  const [name = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  const user = users.get(name);
  if (user?.password !== password.join(':') || user.disabled) return unauthenticated();
  return { name, isAdmin: user.groups.includes('$admins') };
}

export function refusalOf(context: CallContext, metadata: Metadata, deed: Deed, stream: string): RpcError | undefined {
  const caller = identify(context, metadata);
  if ('code' in caller) return caller;
  if (!mayDo(context, caller, deed, stream)) return accessDenied();
  if (!context.isReady()) return notReady();
  return notLeaderHere(context, metadata);
}

/** A follower passes appends on by itself; only a call that requires the leader is answered where that is. */
export function notLeaderHere(context: CallContext, metadata: Metadata): RpcError | undefined {
  if (context.isLeader() || String(metadata.get('requires-leader')[0]) !== 'true') return undefined;
  const leader = context.leader();
  return leader ? notLeader(leader.host, leader.port) : notReady();
}

export const faultOf = (
  { faults, node }: CallContext,
  point: FaultPoint,
  call: Omit<FaultyCall, 'node'> = {},
): Fault | undefined => faults.take(point, { node, ...call });
