import type { Duplex } from 'node:stream';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { describe, expect, it, jest } from '@jest/globals';
import { startTestPeer, type TestPeer, type TestPeerOptions } from '../../../test/test-peer/index.js';
import { clientOf } from './client.js';
import { connectionSettings } from './connection-string.js';
import { failureOf } from './testing.js';

const unavailable = Object.assign(new Error('Server Is Not Ready'), { code: 14, details: 'Server Is Not Ready' });

async function withPeer(
  options: TestPeerOptions,
  use: (peer: TestPeer, clients: { readonly ours: EventStoreDBClient; readonly bare: EventStoreDBClient }) => unknown,
  notice: (message: string) => void = () => {},
) {
  const peer = await startTestPeer(options);
  const connectionString = `${peer.connectionString}&maxDiscoverAttempts=2&discoveryInterval=10`;
  const ours = clientOf(connectionSettings(connectionString, true), notice);
  const bare = EventStoreDBClient.connectionString(connectionString);
  try {
    await use(peer, { ours, bare });
  } finally {
    await Promise.all([ours.dispose(), bare.dispose()]);
    await peer.close();
  }
}

/** A stream has failed, the next call looks for another node in vain, and then a second stream fails. */
async function secondFailureWhileNobodyLeads(client: EventStoreDBClient): Promise<void> {
  const grpcClient = await client['getGRPCClient'](StreamsClient, 'streams');
  await client['handleError'](grpcClient, unavailable);
  const connecting = failureOf(client['getChannel']());
  const second = client['handleError'](grpcClient, unavailable);
  expect((await connecting).message).toContain('Failed to discover');
  return second;
}

const manyAtOnce = async (client: EventStoreDBClient) => {
  await client.appendToStream('first', jsonEvent({ type: 'Appended', data: {} }));
  const batch = [...(client['disposableStreams'] as unknown as Iterable<Duplex>)].find((stream) => 'write' in stream)!;
  const listened = jest.spyOn(batch, 'once');
  await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      client.appendToStream(`stream ${index}`, jsonEvent({ type: 'Appended', data: {} })),
    ),
  );
  return listened.mock.calls.map(([event]) => event).filter((event) => event === 'drain');
};

describe('The housekeeping of a client', () => {
  it('rejects nothing that is not awaited when a cluster has no majority, and says so', async () => {
    const notices: string[] = [];
    await withPeer(
      { nodes: 3 },
      async (peer, { ours, bare }) => {
        for (const client of [ours, bare]) await client.appendToStream('a', jsonEvent({ type: 'Appended', data: {} }));
        peer.loseMajority();
        await expect(secondFailureWhileNobodyLeads(ours)).resolves.toBeUndefined();
        // What it is guarded against: this is what the client does not wait for.
        await expect(secondFailureWhileNobodyLeads(bare)).rejects.toThrow('Failed to discover after 2 attempts.');

        await peer.regainMajority();
        await ours.appendToStream('a', jsonEvent({ type: 'Appended', data: {} }));
      },
      (message) => notices.push(message),
    );
    // How often it was looked for depends on what had failed by then.
    expect([...new Set(notices)]).toEqual([
      'the client of the event store found nothing to connect to after a failure',
    ]);
  });

  it('holds no append back in a queue that is rejected when the stream of appends ends', async () => {
    await withPeer({}, async (_, { ours, bare }) => {
      expect(await manyAtOnce(ours)).toEqual([]);
      expect(await manyAtOnce(bare)).not.toEqual([]);
    });
  });
});
