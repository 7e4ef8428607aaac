import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import type { Fault } from './faults.js';

export type RpcError = Pick<StatusObject, 'code' | 'details' | 'metadata'>;

export function rpcError(code: status, details: string, metadata: Readonly<Record<string, string>> = {}): RpcError {
  const trailers = new Metadata();
  for (const [key, value] of Object.entries(metadata)) trailers.set(key, value);
  return { code, details, metadata: trailers };
}

/** For whatever the server did not foresee, and for requests that make no sense. */
export const exceptionThrown = () => rpcError(status.UNKNOWN, 'Exception was thrown by handler.');

export const notReady = () => rpcError(status.UNAVAILABLE, 'Server Is Not Ready');

export const notLeader = (host: string, port: number) =>
  rpcError(status.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': String(port),
  });

export const accessDenied = () => rpcError(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

export const unauthenticated = () => rpcError(status.UNAUTHENTICATED, 'Unauthenticated');

export const streamDeleted = (stream: string) =>
  rpcError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });

export const wrongExpectedVersion = (stream: string, expected: number, actual: number) =>
  rpcError(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  );

export const maximumAppendSizeExceeded = (maximum: number) =>
  rpcError(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximum} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maximum),
  });

export const consumerTooSlow = () =>
  rpcError(
    status.ABORTED,
    'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
  );

export const asPlanned = ({ code, message = 'As planned', metadata }: Extract<Fault, { do: 'fail' }>) =>
  rpcError(code, message, metadata);

/** What grpc-js takes as a failure is less than its type demands. */
export const failure = (error: RpcError): ServiceError => error as ServiceError;
