import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { certificatesIn } from '../../../test/test-peer/certificates.js';
import { startTestPeer, type TestPeer, type TestPeerOptions } from '../../../test/test-peer/index.js';
import {
  openKurrentdbEventStore,
  StoreRefused,
  type KurrentdbEventStore,
  type KurrentdbEventStoreOptions,
} from './index.js';
import { appendOne, failureOf, soon } from './testing.js';

let directory: string;
let tls: ReturnType<typeof certificatesIn>;
const opened: (() => Promise<unknown> | void)[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'first-contact-'));
  tls = certificatesIn(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function startPeer(options: TestPeerOptions = {}): Promise<TestPeer> {
  const peer = await startTestPeer(options);
  opened.push(() => peer.close());
  return peer;
}

function open(connectionString: string, options: Partial<KurrentdbEventStoreOptions> = {}): KurrentdbEventStore {
  const store = openKurrentdbEventStore({ connectionString, allowInsecure: true, callTimeout: 1_500, ...options });
  opened.push(() => store.close());
  return store;
}

/** Something on a port that is no database. */
async function listening(server: Server | Http2Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  opened.push(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const secure = (peer: TestPeer, user = 'admin:changeit', ca = tls.caFile) =>
  `esdb://${user}@${peer.addresses.join(',')}?tlsCAFile=${encodeURIComponent(ca)}`;
const users = { admin: 'changeit', clerk: 'pass' };

describe('the first contact', () => {
  it.each([1, 3] as const)('names TLS where %i nodes speak it and the client does not', async (nodes) => {
    const peer = await startPeer({ nodes, tls, users });
    const store = open(`esdb://${peer.addresses.join(',')}?tls=false&maxDiscoverAttempts=1`);
    expect(await failureOf(store.connect())).toMatchObject({
      name: 'StoreRefused',
      refusal: 'tlsMismatch',
      message: expect.stringContaining('speaks TLS, but the connection string says tls=false'),
    });
  });

  it('names TLS where the client speaks it and the database closes such connections without a word', async () => {
    const plain = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (first: Buffer) =>
        first.subarray(0, 3).toString() === 'GET'
          ? socket.end('HTTP/1.1 204 No Content\r\n\r\n')
          : void socket.destroy(),
      );
    });
    const store = open(`esdb://${(await listening(plain)).replace('127.0.0.1', 'localhost')}?tls=true`);
    expect(await failureOf(store.connect())).toMatchObject({
      refusal: expect.stringMatching(/tlsMismatch|wrongCertificate/),
      message: expect.stringContaining('does not speak TLS'),
    });
  });

  it('is made with a database that is ready, without TLS', async () => {
    const peer = await startPeer();
    const store = open(peer.connectionString);
    await store.connect();
    expect(await appendOne(store, 'a')).toMatchObject({ revision: 0 });
  });

  it('is made with a database that is ready, with TLS and a user', async () => {
    const peer = await startPeer({ tls, users });
    const store = open(secure(peer), { allowInsecure: false });
    await store.connect();
    expect(await appendOne(store, 'a')).toMatchObject({ revision: 0 });
    expect(await store.read('a')).toHaveLength(1);
  });

  it('is made with a cluster of which one node is gone', async () => {
    const peer = await startPeer({ nodes: 3, electionTime: 50 });
    await peer.kill(1);
    await peer.elected();
    await open(peer.connectionString).connect();
  });

  it.each<[string, string, RegExp]>([
    ['wrongCredentials', 'admin:S3cret', /password is wrong/],
    ['wrongCredentials', 'nobody:changeit', /does not know this user/],
    ['accessDenied', 'clerk:pass', /denies this user access.*\$all/],
  ])('is refused (%s) for %s', async (refusal, user, message) => {
    const peer = await startPeer({ tls, users });
    const error = await failureOf(open(secure(peer, user)).connect());

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error).toMatchObject({ refusal, message: expect.stringMatching(message) });
    for (const part of user.split(':')) expect(error.message).not.toContain(part);
  });

  it('is refused to a certificate of another authority', async () => {
    const peer = await startPeer({ tls, users });
    const other = certificatesIn(join(directory, 'other'));
    const error = await failureOf(open(secure(peer, 'admin:changeit', other.caFile)).connect());

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error).toMatchObject({ refusal: 'wrongCertificate', message: expect.stringContaining('tlsCAFile') });
  });

  it('is refused to a server without TLS when TLS is asked for', async () => {
    const peer = await startPeer();
    const error = await failureOf(
      open(`esdb://admin:changeit@localhost:${peer.addresses[0]!.split(':')[1]}`).connect(),
    );

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error).toMatchObject({
      refusal: 'wrongCertificate',
      message: expect.stringContaining('does not speak TLS'),
    });
  });

  it('is refused to a web server', async () => {
    const address = await listening(createHttpServer((_, response) => void response.end('welcome')));
    const error = await failureOf(open(`esdb://${address}?tls=false`).connect());

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error).toMatchObject({ refusal: 'notADatabase', message: expect.stringContaining('check host and port') });
  });

  it('is refused to a web server of HTTP/2', async () => {
    const server = createHttp2Server();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 404 });
      stream.end('not found');
    });
    const error = await failureOf(open(`esdb://${await listening(server)}?tls=false`).connect());

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error).toMatchObject({ refusal: 'notADatabase' });
  });

  it('waits no longer than a call may take for what accepts a connection and says nothing', async () => {
    const address = await listening(createTcpServer((socket) => void opened.push(() => void socket.destroy())));
    const error = await soon(
      failureOf(open(`esdb://${address}?tls=false`, { callTimeout: 300 }).connect()),
      'the failure',
    );
    expect(error).toBeInstanceOf(StoreUnavailable);
  });

  it('may be made later with what is not there yet, or not ready', async () => {
    const peer = await startPeer();
    const store = open(peer.connectionString);
    await peer.kill();
    expect(await failureOf(store.connect())).toBeInstanceOf(StoreUnavailable);
    await peer.start();
    const ready = peer.faults.onRead(
      { do: 'fail', code: status.UNAVAILABLE, message: 'Server Is Not Ready' },
      { times: Infinity },
    );
    const error = await failureOf(store.connect());
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('Server Is Not Ready');
    ready();
    await store.connect();
  });

  it('ends with the signal', async () => {
    const peer = await startPeer();
    const stopped = new Error('stopped');
    expect(await failureOf(open(peer.connectionString).connect(AbortSignal.abort(stopped)))).toBe(stopped);
    peer.freeze();
    const ending = new AbortController();
    const connecting = failureOf(open(peer.connectionString, { callTimeout: 10_000 }).connect(ending.signal));
    setTimeout(() => ending.abort(stopped), 50);
    expect(await soon(connecting, 'the end')).toBe(stopped);
    peer.thaw();
  });

  it('finds a log whose first stream was deleted by hand', async () => {
    const peer = await startPeer();
    await appendOne(open(peer.connectionString, { streamPrefix: 'P.' }), 'ledger');
    peer.log.softDelete('P.ledger', -2);

    const error = await failureOf(open(peer.connectionString, { streamPrefix: 'P.', firstStream: 'ledger' }).connect());
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toContain('P.ledger are hidden');
  });
});

describe('the clock of the server', () => {
  it.each([3_600_000, -3_600_000])('that is %d ms from ours is refused, both times named', async (ms) => {
    const peer = await startPeer();
    peer.shiftClock(ms);
    const error = await failureOf(open(peer.connectionString).connect());

    expect(error).toBeInstanceOf(StoreRefused);
    expect(error.refusal).toBe('clockSkew');
    const [there, here] = [...error.message.matchAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g)].map(([time]: [string]) =>
      Date.parse(time),
    ) as [number, number];
    expect(Math.sign(there - here)).toBe(Math.sign(ms));
  });

  it.each([0, 3_000, -3_000])('that is %d ms from ours will do', async (ms) => {
    const peer = await startPeer();
    peer.shiftClock(ms);
    await open(peer.connectionString).connect();
  });

  it('is read through TLS as well', async () => {
    const peer = await startPeer({ tls, users });
    peer.shiftClock(8_000);
    expect(await failureOf(open(secure(peer)).connect())).toMatchObject({ refusal: 'clockSkew' });
  });

  it('is not known, and no hindrance, where there is no such answer', async () => {
    const peer = await startPeer();
    peer.shiftClock(4_000);
    peer.faults.onHealth({ do: 'ignore' });
    await open(peer.connectionString).connect();
  });
});
