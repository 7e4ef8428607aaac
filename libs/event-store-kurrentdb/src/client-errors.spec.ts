import {
  AccessDeniedError,
  DeadlineExceededError,
  MaxAppendSizeExceededError,
  NotLeaderError,
  StreamDeletedError,
  StreamNotFoundError,
  TimeoutError,
  UnavailableError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import {
  kindOf,
  NoAnswer,
  reasonOf,
  refusedOrUnavailable,
  unavailableBecause,
  type ErrorKind,
} from './client-errors.js';
import { StoreRefused } from './store-refused.js';

/** As gRPC makes them; the client wraps some of them and lets others through. */
function raw(code: status, details: string, trailers: Record<string, string> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

const leader = { 'leader-endpoint-host': 'a.example', 'leader-endpoint-port': '2113' };
const connecting = (why: string) =>
  raw(status.UNAVAILABLE, `No connection established. Last error: ${why}. Resolution note: `);

describe('an error of the client', () => {
  it.each<[string, Error, ErrorKind]>([
    [
      'of another revision',
      WrongExpectedVersionError.fromWrongExpectedVersion(
        {
          hasExpectedStreamPosition: () => false,
          hasExpectedStreamExists: () => false,
          hasExpectedNoStream: () => true,
          hasCurrentStreamRevision: () => false,
        } as never,
        'a',
      ),
      'conflict',
    ],
    ['of an append that is too large', MaxAppendSizeExceededError.fromMaxAppendSize(1), 'tooLarge'],
    ['of a tombstone, without a code', StreamDeletedError.fromStreamName('a'), 'tombstoned'],
    [
      'of a tombstone, in a read',
      new StreamDeletedError(raw(status.FAILED_PRECONDITION, '', { 'stream-name': 'a' })),
      'tombstoned',
    ],
    ['of a stream that is not there', new StreamNotFoundError(undefined, 'a'), 'streamMissing'],
    ['of a follower', new NotLeaderError(raw(status.NOT_FOUND, 'Leader info available', leader)), 'notLeader'],
    ['of a wrong password', new AccessDeniedError(raw(status.UNAUTHENTICATED, 'Unauthenticated')), 'wrongCredentials'],
    ['of a wrong password, raw', raw(status.UNAUTHENTICATED, 'Unauthenticated'), 'wrongCredentials'],
    ['of a user who may not, of a batch', new AccessDeniedError(), 'accessDenied'],
    ['of a user who may not, raw', raw(status.PERMISSION_DENIED, 'Access Denied'), 'accessDenied'],
    ['of an unknown authority', connecting('Error: self-signed certificate in certificate chain'), 'wrongCertificate'],
    [
      'of an incomplete chain',
      connecting('Error: unable to verify the first certificate; if the root CA is installed locally'),
      'wrongCertificate',
    ],
    [
      'of a certificate for another name',
      connecting("Error: Hostname/IP does not match certificate's altnames: Host: b. is not in the cert's altnames"),
      'wrongCertificate',
    ],
    ['of a certificate that is too old', connecting('Error: certificate has expired'), 'wrongCertificate'],
    [
      'of a server without TLS',
      connecting('Error: 40D0:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number'),
      'wrongCertificate',
    ],
    [
      'of a node that is advertised by its IP address',
      connecting(
        "TypeError [ERR_INVALID_ARG_VALUE]: The property 'options.servername' Setting the TLS ServerName to an IP address is not permitted",
      ),
      'wrongCertificate',
    ],
    [
      'of a path that a web server does not know',
      raw(status.UNIMPLEMENTED, 'Received HTTP status code 404'),
      'notADatabase',
    ],
    ['of a server of HTTP/1.1', connecting('Error: Protocol error'), 'notADatabase'],
    [
      'of a position between events, of later servers',
      new UnknownError(raw(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.')),
      'badPosition',
    ],
    [
      'of a gossip without a leader',
      new UnknownError(raw(status.UNKNOWN, 'No leader info available in response')),
      'transient',
    ],
    ['of a malformed request', new UnknownError(undefined, 'Could not recognize BadRequest'), 'badRequest'],
    [
      'of a subscription that was too slow',
      new TimeoutError(
        raw(
          status.ABORTED,
          'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
        ),
      ),
      'dropped',
    ],
    [
      'of a read from between two events',
      new UnknownError(raw(status.UNKNOWN, 'Unexpected ReadAllResult: Error')),
      'badPosition',
    ],
    [
      'of a subscription from between two events',
      new UnknownError(raw(status.UNKNOWN, 'Exception was thrown by handler.')),
      'badPosition',
    ],
    ['of a lost connection', new UnavailableError(raw(status.UNAVAILABLE, 'Connection dropped')), 'transient'],
    ['of a connection that is refused, raw', connecting('Error: connect ECONNREFUSED 127.0.0.1:2113'), 'transient'],
    ['of a call that the server has cancelled', raw(status.CANCELLED, 'Call cancelled'), 'transient'],
    [
      'of a deadline, with a code',
      new DeadlineExceededError(raw(status.DEADLINE_EXCEEDED, 'Deadline exceeded')),
      'transient',
    ],
    ['of a deadline, of a batch, without a code', new DeadlineExceededError(), 'transient'],
    ['of a call without an answer', new NoAnswer('a read', 100), 'transient'],
    [
      'of a server that is being stopped',
      new UnknownError(raw(status.INTERNAL, 'Received RST_STREAM with code 0 (Call ended without gRPC status)')),
      'transient',
    ],
    [
      'of a server that elects a leader, of a batch, without a code',
      new UnknownError(undefined, 'Could not recognize Server Is Not Ready'),
      'transient',
    ],
    ['of a server that elects a leader, of a read', raw(status.UNAVAILABLE, 'Server Is Not Ready'), 'transient'],
    ['of a discovery that has given up', new Error('Failed to discover after 10 attempts.'), 'transient'],
    [
      'of a message beyond all limits',
      new UnknownError(raw(status.RESOURCE_EXHAUSTED, 'Received message larger than max')),
      'unexpected',
    ],
    ['of an internal failure', raw(status.INTERNAL, 'odd'), 'unexpected'],
    ['of something the server did not foresee', raw(status.UNKNOWN, 'odd'), 'unexpected'],
    ['that is unknown', new Error('odd'), 'unexpected'],
  ])('%s is known for what it is', (_, error, kind) => {
    expect(kindOf(error)).toBe(kind);
    expect(reasonOf(error).length).toBeGreaterThanOrEqual(20);
  });

  it('may be anything at all', () => {
    for (const thrown of [undefined, null, 'text', 7, {}]) {
      expect(kindOf(thrown)).toBe('unexpected');
      expect(reasonOf(thrown)).toContain('The event store: ');
    }
  });
});

describe('what an operator sees', () => {
  it.each<[Error, string, RegExp]>([
    [raw(status.UNAUTHENTICATED, ''), 'wrongCredentials', /connection string/],
    [raw(status.PERMISSION_DENIED, ''), 'accessDenied', /\$all/],
    [connecting('Error: certificate has expired'), 'wrongCertificate', /certificate has expired.*tlsCAFile/],
    [connecting('SSL routines'), 'wrongCertificate', /does not speak TLS/],
    [connecting('TLS ServerName to an IP address'), 'wrongCertificate', /advertise them by name/],
    [raw(status.UNIMPLEMENTED, ''), 'notADatabase', /check host and port/],
  ])('of %p is what to do about it, and that trying again is of no use', (error, refusal, message) => {
    const refused = refusedOrUnavailable(error);
    expect(refused).toBeInstanceOf(StoreRefused);
    expect(refused).toMatchObject({ refusal, message: expect.stringMatching(message), cause: error });
  });

  it('of everything else is that it cannot be used now, and why', () => {
    const failed = connecting('Error: connect ECONNREFUSED 127.0.0.1:2113');
    expect(refusedOrUnavailable(failed)).toBeInstanceOf(StoreUnavailable);
    expect(refusedOrUnavailable(failed)).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED'),
      cause: failed,
    });
    expect(refusedOrUnavailable(new Error('Failed to discover after 10 attempts.')).message).toContain(
      'check hosts, TLS',
    );
  });

  it('of damage stays what it is', () => {
    const damaged = new LogDamaged('x');
    expect(unavailableBecause(damaged)).toBe(damaged);
    const unavailable = new StoreUnavailable('x');
    expect(unavailableBecause(unavailable)).toBe(unavailable);
  });
});
