import { Writable } from 'node:stream';
import { EventStoreDBClient } from '@eventstore/db-client';
import { reasonOf } from './client-errors.js';
import type { ConnectionSettings } from './connection-string.js';
import type { Notice } from './notices.js';

/**
 * A client that leaves none of its own promises unawaited: a rejected one would end the process.
 * Only its own are looked after. What its callers wait for is rejected as ever, and so is every mistake of ours.
 */
export function clientOf(settings: ConnectionSettings, notice: Notice): EventStoreDBClient {
  const client = newClient(settings);
  awaitFailures(client, notice);
  writeAtOnce(client);
  return client;
}

/**
 * When a call or a stream has failed, the client sees to its connection and does not wait for itself. It waits for the
 * channel that is being made meanwhile, which is rejected when a cluster has no majority ("Failed to discover after 10
 * attempts."). Nothing is broken by that: the client has forgotten the channel by then, the next call makes another, and
 * its caller hears why there is none.
 */
function awaitFailures(client: EventStoreDBClient, notice: Notice): void {
  const handleError = client['handleError'];
  client['handleError'] = (failed, error) =>
    handleError(failed, error).catch((reason: unknown) => {
      notice('the client of the event store found nothing to connect to after a failure', { reason: reasonOf(reason) });
    });
}

/**
 * The client puts appends into a queue while their stream says that it is full, which it says from the sixteenth of one
 * turn on, and rejects what is in that queue when the stream ends, in promises that are not awaited. The appends themselves are rejected
 * besides. So the stream never says that it is full; how much may be under way is limited by `append-attempts.ts`.
 */
function writeAtOnce(client: EventStoreDBClient): void {
  const createStream = client['GRPCStreamCreator'];
  client['GRPCStreamCreator'] = (Client, name, creator, cache) =>
    createStream(
      Client,
      name,
      (grpcClient) => {
        const stream = creator(grpcClient);
        if (stream instanceof Writable) neverFull(stream);
        return stream;
      },
      cache,
    );
}

function neverFull(stream: Writable): void {
  const write = stream.write.bind(stream) as (chunk: unknown) => boolean;
  stream.write = (chunk: unknown) => {
    write(chunk);
    return true;
  };
}

function newClient({
  endpoints,
  discover,
  tls,
  credentials,
  rootCertificate,
  userCertFile,
  userKeyFile,
  ...options
}: ConnectionSettings): EventStoreDBClient {
  const channel = {
    insecure: !tls,
    ...(rootCertificate && { rootCertificate }),
    ...(userCertFile && { userCertFile }),
    ...(userKeyFile && { userKeyFile }),
  };
  const [endpoint] = endpoints;
  if (discover) return new EventStoreDBClient({ ...options, discover: endpoint! }, channel, credentials);
  if (endpoints.length > 1)
    return new EventStoreDBClient({ ...options, endpoints: [...endpoints] }, channel, credentials);
  const {
    nodePreference: _,
    maxDiscoverAttempts: __,
    discoveryInterval: ___,
    gossipTimeout: ____,
    ...single
  } = options;
  return new EventStoreDBClient({ ...single, endpoint: endpoint! }, channel, credentials);
}
