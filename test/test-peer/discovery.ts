import gossipPb from '@eventstore/db-client/generated/gossip_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultOf, type CallContext } from './call-context.js';
import type { FaultPoint } from './faults.js';
import { asPlanned, failure } from './rpc-errors.js';

export interface Member {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly isAlive: boolean;
  /** Unknown while there is no leader. */
  readonly state: 'leader' | 'follower' | 'unknown';
}

const serverVersion = '23.10.0.0-test-peer';

export function getSupportedMethods(context: CallContext) {
  return unary<features.SupportedMethods>(context, 'features', () => {
    context.counts.features++;
    const supported = new features.SupportedMethods().setEventStoreServerVersion(serverVersion);
    for (const [service, method, ...flags] of [
      ['event_store.client.streams.Streams', 'append'],
      ['event_store.client.streams.Streams', 'batchappend', 'deadline_duration'],
      ['event_store.client.streams.Streams', 'read', 'position', 'events'],
      ['event_store.client.streams.Streams', 'delete'],
      ['event_store.client.streams.Streams', 'tombstone'],
      ['event_store.client.gossip.Gossip', 'read'],
      ['event_store.client.server_features.ServerFeatures', 'getsupportedmethods'],
    ] as const)
      supported.addMethods(
        new features.SupportedMethod()
          .setServiceName(service)
          .setMethodName(method)
          .setFeaturesList([...flags]),
      );
    return supported;
  });
}

export function readGossip(context: CallContext, members: () => readonly Member[]) {
  const { LEADER, FOLLOWER, UNKNOWN } = gossipPb.MemberInfo.VNodeState;
  const states = { leader: LEADER, follower: FOLLOWER, unknown: UNKNOWN };
  return unary<gossipPb.ClusterInfo>(context, 'gossip', () => {
    context.counts.gossip++;
    const info = new gossipPb.ClusterInfo();
    for (const { id, host, port, isAlive, state } of members())
      info.addMembers(
        new gossipPb.MemberInfo()
          .setInstanceId(new shared.UUID().setString(id))
          .setTimeStamp(`${context.now()}0000`)
          .setState(states[state])
          .setIsAlive(isAlive)
          .setHttpEndPoint(new gossipPb.EndPoint().setAddress(host).setPort(port)),
      );
    return info;
  });
}

function unary<Answer>(context: CallContext, point: FaultPoint, answer: () => Answer) {
  return (_call: ServerUnaryCall<unknown, Answer>, callback: sendUnaryData<Answer>): void => {
    const fault = faultOf(context, point);
    void (async () => {
      if (fault?.do === 'delay') await sleep(fault.ms);
      await context.thawed();
      const given = answer();
      if (fault?.do === 'ignore' || fault?.do === 'loseAnswer') return;
      if (fault?.do === 'fail') return callback(failure(asPlanned(fault)));
      callback(null, given);
    })();
  };
}
