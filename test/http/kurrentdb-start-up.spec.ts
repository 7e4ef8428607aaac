import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { viewsFileIn } from '#projector';
import { eventually } from '../eventually.js';
import {
  freePort,
  launchServer,
  projectorProcess,
  startServer,
  type ServerOptions,
  type ServerProcess,
} from '../server-process.js';
import { certificatesIn } from '../test-peer/certificates.js';
import { startTestPeer, type TestPeer, type TestPeerOptions } from '../test-peer/index.js';
import { kurrentdbStore, makeKeys, type JourneyStore } from './journey-store.js';
import { establish, northwind, partners, runServer } from './running-server.js';
import { runTool } from './tools.js';

// A server whose log is in a database, which may be late, another one than it was, or none. The database is the test peer.

let directory: string;
let dataDirectory: string;
let store: JourneyStore;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-database-'));
  dataDirectory = join(directory, 'data');
  store = await kurrentdbStore('esdb://127.0.0.1:1?tls=false', join(directory, 'keys'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

async function peerOf(options: TestPeerOptions = {}): Promise<TestPeer> {
  const peer = await startTestPeer(options);
  closing.push(() => peer.close());
  store = { ...store, env: { ...store.env, LEDGER_EVENT_STORE_URL: peer.connectionString } };
  return peer;
}

async function launch({ env, ...options }: Partial<ServerOptions> = {}): Promise<ServerProcess> {
  const server = await launchServer({ dataDirectory, partners, ...options, env: { ...store.env, ...env } });
  closing.push(() => server.killAtOnce());
  return server;
}

/** A server that takes commands and has shown what it has. */
async function started(options: Partial<ServerOptions> = {}): Promise<ServerProcess> {
  const server = await startServer({ dataDirectory, partners, ...options, env: { ...store.env, ...options.env } });
  closing.push(() => server.killAtOnce());
  return server;
}

/** A ledger with something in it, and no server. */
async function ledgerWithEvents(): Promise<void> {
  const server = await runServer({ dataDirectory, store });
  await establish(server);
  await server.stop();
}

/** How a server ends that does not start, in words for people. */
async function failure(options: Partial<ServerOptions> = {}) {
  const server = await launch(options);
  await server.ended();
  const said = server
    .output()
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');
  expect(server.output()).not.toMatch(/\n\s+at /);
  return { code: server.child.exitCode, said };
}

/** @throws Error with what the process has said, when that has not come or the process has ended */
async function until(
  { child, output }: ServerProcess,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  await eventually(
    () => `${what}\n${output()}`,
    async () => {
      if (await holds()) return true;
      if (child.exitCode !== null) throw new Error(`It has ended without ${what}\n${output()}`);
      return false;
    },
  );
}

async function answers({ url }: ServerProcess, to: 'live' | 'ready'): Promise<boolean> {
  return (await fetch(`${url}/health/${to}`).catch(() => undefined))?.status === 200;
}

const json = async (url: string) => {
  const answer = await fetch(url);
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
};

describe('a server with its log in a database is refused', () => {
  it('without an address and secrets, and makes nothing by itself', async () => {
    const { code, said } = await failure({
      env: { LEDGER_EVENT_STORE_URL: '', KEYS_DIR: '', LEDGER_STREAM_PREFIX: 'x' },
    });
    expect([code, said]).toEqual([
      78,
      expect.stringMatching(
        /LEDGER_STREAM_PREFIX must[\s\S]*LEDGER_EVENT_STORE_URL must be set[\s\S]*KEYS_DIR must be set/,
      ),
    ]);
    expect(existsSync(join(dataDirectory, 'keys'))).toBe(false);
  });

  it('without the secrets that its servers share, saying how to make them', async () => {
    const keys = join(directory, 'none');
    const { code, said } = await failure({ env: { KEYS_DIR: keys } });
    expect([code, said]).toEqual([
      78,
      expect.stringMatching(/none\/ledger-secret and \S+none\/token-key\.json are missing[\s\S]*keys -- --make/),
    ]);
    expect(existsSync(keys)).toBe(false);
    // With an identity provider it needs no key for tokens.
    const provided = await failure({
      env: { KEYS_DIR: keys, JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
    });
    expect([provided.code, provided.said]).toEqual([78, expect.stringMatching(/none\/ledger-secret is missing/)]);

    const made = await runTool('keys', ['--make', keys], {});
    expect([made.code, made.stdout]).toEqual([0, expect.stringContaining(`set KEYS_DIR to ${keys}`)]);
    const before = ['ledger-secret', 'token-key.json'].map((name) => readFileSync(join(keys, name), 'utf8'));
    const again = await runTool('keys', ['--make', keys], {});
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('nothing was overwritten')]);
    expect(['ledger-secret', 'token-key.json'].map((name) => readFileSync(join(keys, name), 'utf8'))).toEqual(before);
    await peerOf();
    await (await started({ env: { KEYS_DIR: keys } })).stop();
  });

  it('with another secret than the ledger has adopted, and has written nothing; until the operator lets the ledger adopt it', async () => {
    const peer = await peerOf();
    await ledgerWithEvents();
    const before = peer.log.head();
    const other = join(directory, 'other-keys');
    await makeKeys(other);
    const env = { KEYS_DIR: other };
    const refused = await failure({ env, dataDirectory: join(directory, 'second') });
    expect([refused.code, refused.said]).toEqual([
      78,
      expect.stringMatching(/other-keys\/ledger-secret is not the ledger's secret[\s\S]*--adopt-ledger-secret/),
    ]);
    expect(peer.log.head()).toBe(before);

    // It is not renewed in place, where other servers would be surprised by it.
    const renewed = await runTool('keys', ['--renew-ledger-secret'], { ...store.env, ...env });
    expect([renewed.code, renewed.stderr]).toEqual([78, expect.stringContaining('--adopt-ledger-secret')]);

    const adopted = await runTool('keys', ['--adopt-ledger-secret'], { ...store.env, ...env });
    expect([adopted.code, adopted.stdout]).toEqual([0, expect.stringContaining('The ledger has adopted')]);
    const twice = await runTool('keys', ['--adopt-ledger-secret'], { ...store.env, ...env });
    expect([twice.code, twice.stdout]).toEqual([0, expect.stringContaining('secret already')]);
    await (await started({ env })).stop();
    expect((await failure()).code).toBe(78);
  });

  it.each<[string, TestPeerOptions, (url: string) => Record<string, string>, RegExp]>([
    ['TLS is off and that is not allowed', {}, () => ({ ALLOW_INSECURE_EVENTSTORE: 'false' }), /tls=false/],
    [
      'the address cannot be understood',
      {},
      () => ({ LEDGER_EVENT_STORE_URL: 'esdb://ledger:hidden-word@127.0.0.1:2113?tls=perhaps' }),
      /tls/,
    ],
    [
      'the certificate is not one that it trusts',
      { users: { admin: 'hidden-word' } },
      (url) => ({
        LEDGER_EVENT_STORE_URL: url.replace(/[?&]tlsCAFile=[^&]*/, (found) => (found[0] === '?' ? '?' : '')),
      }),
      /certificate/i,
    ],
    [
      'the password is wrong',
      { users: { admin: 'changeit' } },
      (url) => ({ LEDGER_EVENT_STORE_URL: url.replace('admin:changeit@', 'admin:hidden-word@') }),
      /password|credentials|user/i,
    ],
  ])('when %s', async (_, options, env, message) => {
    const certificates = options.users ? { tls: certificatesIn(join(directory, 'tls')) } : {};
    const peer = await peerOf({ ...options, ...certificates });
    const { code, said } = await failure({ env: env(peer.connectionString) });
    expect([code, said]).toEqual([78, expect.stringMatching(message)]);
    expect(said).not.toContain('hidden-word');
  });

  it('when its clock and that of the database are far apart, naming both', async () => {
    const peer = await peerOf();
    peer.shiftClock(-60_000);
    const { code, said } = await failure();
    expect([code, said]).toEqual([78, expect.stringMatching(/clock/)]);
    expect(said.match(/\d{4}-\d\d-\d\dT[\d:.]+Z/g)).toHaveLength(2);
  });

  it('when something else answers at the address', async () => {
    const other: Server = createServer((_, response) => response.end('a shop')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    closing.push(() => other.close());
    const { port } = other.address() as { port: number };
    const { code, said } = await failure({ env: { LEDGER_EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` } });
    expect([code, said]).toEqual([78, expect.stringContaining(`127.0.0.1:${port}`)]);
  });

  it('while another server has its data directory', async () => {
    await peerOf();
    await started();
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('Another server uses the data directory')]);
  });
});

describe('a server whose database is not there yet', () => {
  it.each(['is not reached', 'accepts connections and says nothing'])(
    'that %s, says so, refuses what needs it, and serves when it comes',
    async (how) => {
      const port = await freePort();
      const silent = how !== 'is not reached';
      let peer = silent ? await startTestPeer({ port }) : undefined;
      closing.push(() => peer?.close());
      peer?.freeze();
      store = { ...store, env: { ...store.env, LEDGER_EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` } };
      const server = await launch({ env: { METRICS_PORT: '0' } });
      await until(server, 'live', () => answers(server, 'live'));
      await until(server, 'the waiting', () => server.output().includes('the server waits for it'));
      // What the database or its client said is for the log.
      expect(server.output()).toMatch(
        new RegExp(`127\\.0\\.0\\.1:${port} cannot be reached: (?!StoreUnavailable).+; the server`),
      );

      const ready = await json(`${server.url}/health/ready`);
      expect([ready.status, ready.body]).toEqual([
        503,
        {
          status: 'notReady',
          missing: [
            expect.stringMatching(
              `^the event store at 127\\.0\\.0\\.1:${port} cannot be reached: StoreUnavailable, see the log of the server$`,
            ),
          ],
          degraded: [],
          views: [],
          timekeeper: { status: 'off', holdsLease: false },
        },
      ]);
      const asked = await json(`${server.url}/v1/customers`);
      expect([asked.status, asked.headers.get('retry-after')]).toEqual([503, '1']);
      expect(asked.body).toMatchObject({ code: 'StoreUnavailable', outcome: 'none', retryable: true });
      expect((await json(`${server.url}${asked.body.type}`)).status).toBe(200);
      const metrics = /Metrics +(\S+)/.exec(server.output())![1]!;
      expect(await (await fetch(metrics)).text()).toMatch(/^ledger_open 0$/m);

      await sleep(1_000);
      peer?.thaw();
      peer ??= await startTestPeer({ port });
      await until(server, 'ready', () => answers(server, 'ready'));
      expect(await (await fetch(metrics)).text()).toMatch(/^ledger_open 1$/m);
      // The retries went on all the time, and have not filled the log with it.
      expect(server.output().match(/the server waits for it/g)).toHaveLength(1);
      expect(server.output()).toContain('the event store is there');
      await server.stop();
      expect(server.child.exitCode).toBe(0);
    },
  );

  it('ends at once and well when it is asked to stop', async () => {
    const server = await launch();
    await until(server, 'the waiting', () => server.output().includes('the server waits for it'));
    await server.stop();
    expect([server.child.exitCode, server.child.signalCode]).toEqual([0, null]);
    expect(server.output()).not.toMatch(/not stopped cleanly|cannot start/);
  });
});

describe('views that lie in the data directory already', () => {
  it('of a database that was emptied since, are refused before anything is written to it', async () => {
    const peer = await peerOf();
    await ledgerWithEvents();
    await peer.wipe();
    const before = peer.log.head();
    const { code, said } = await failure();
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/views\.sqlite shows ledger .*the log holds none.*Restore it/),
    ]);
    expect(peer.log.head()).toBe(before);
  });

  it('of another ledger of the same database, are refused', async () => {
    const peer = await peerOf();
    await ledgerWithEvents();
    const other = await kurrentdbStore(peer.connectionString, join(directory, 'keys'));
    await (await started({ dataDirectory: join(directory, 'other'), env: other.env })).stop();
    const before = peer.log.head();
    const { code, said } = await failure({ env: other.env });
    expect([code, said]).toEqual([1, expect.stringMatching(/shows ledger \S+, this one is .*--accept-lost-events/)]);
    expect(peer.log.head()).toBe(before);

    const rebuilt = await runTool('rebuild', ['--data-dir', dataDirectory, '--accept-lost-events'], other.env);
    expect([rebuilt.code, rebuilt.stderr]).toEqual([0, '']);
    await (await started({ env: other.env })).stop();
  });

  it('and were copied from another server of the ledger, are gone on with', async () => {
    await peerOf();
    const first = await runServer({ dataDirectory, store });
    closing.push(() => first.killAtOnce());
    await establish(first);
    const copy = join(directory, 'second');
    mkdirSync(copy);
    const views = new Database(viewsFileIn(dataDirectory), { readonly: true });
    await views.backup(viewsFileIn(copy));
    views.close();
    const builtAt = () => {
      const copied = new Database(viewsFileIn(copy), { readonly: true });
      const rows = copied.prepare('SELECT name, builtAt FROM projections ORDER BY name').all();
      copied.close();
      return rows;
    };
    const before = builtAt();
    const written = (await first.get(`${await establish(first)}/reseller-relationship`)).headers.get(
      'ledger-position',
    )!;

    const second = await runServer({ dataDirectory: copy, store });
    closing.push(() => second.killAtOnce());
    const seen = { headers: { 'ledger-position': written, prefer: 'wait=20' } };
    expect((await second.get('/v1/customers', seen)).body.items).toHaveLength(2);
    // Not rebuilt.
    expect(before).toHaveLength(7);
    expect(builtAt()).toEqual(before);
  });
});

describe('the tools', () => {
  it('work on a ledger in a database as on a file', async () => {
    await peerOf();
    await ledgerWithEvents();
    const env = { ...store.env, DATA_DIR: dataDirectory };

    const integrity = await runTool('integrity', [], env);
    expect([integrity.code, integrity.stdout, integrity.stderr]).toEqual([
      0,
      expect.stringMatching(
        /^5 events of 2 streams checked, up to position \d+: all of them are as they were written\.\nNo check of this log alone can notice .*\n$/,
      ),
      '',
    ]);
    expect(await runTool('due', [], env)).toEqual({
      code: 0,
      stdout: '',
      stderr: '0 come next, 0 of them are overdue.\n',
    });
    const rebuilt = await runTool('rebuild', ['items', 'customer-list'], env);
    expect([rebuilt.code, rebuilt.stdout]).toEqual([
      0,
      expect.stringMatching(/^5 events\ncustomer-list +1 rows\nitems +1 rows$/m),
    ]);
    const token = await runTool('token', ['--role', 'Auditor', '--partner', northwind], env);
    expect([token.code, token.stdout]).toEqual([0, expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)]);
    const keys = await runTool('keys', [], env);
    expect(keys.stdout).toMatch(
      /token key .*keys\/token-key\.json {2}present\nledger secret .*keys\/ledger-secret {2}present/,
    );
  });

  it.each(['integrity', 'due', 'rebuild', 'projector', 'keys'] as const)(
    'refuse a configuration that does not go together: %s',
    async (tool) => {
      const env = { ...store.env, LEDGER_EVENT_STORE_URL: 'http://u:hidden-word@db', DATA_DIR: dataDirectory };
      mkdirSync(dataDirectory);
      const { code, stderr, stdout } = await runTool(tool, [], env);
      expect([code, stderr]).toEqual([
        ['integrity', 'due'].includes(tool) ? 2 : 78,
        expect.stringContaining('LEDGER_EVENT_STORE_URL must begin with esdb://'),
      ]);
      expect(stderr + stdout).not.toContain('hidden-word');
    },
  );

  it('say that the database cannot be reached, where they do not wait for it', async () => {
    const env = { ...store.env, DATA_DIR: dataDirectory };
    mkdirSync(dataDirectory);
    writeFileSync(viewsFileIn(dataDirectory), '');
    for (const [tool, due] of [
      ['integrity', 2],
      ['rebuild', 1],
    ] as const) {
      const { code, stderr } = await runTool(tool, [], env);
      expect([code, stderr]).toEqual([due, expect.stringContaining('127.0.0.1:1')]);
    }
  });
});

describe('the projector as a process of its own', () => {
  it('waits for the database, projects beside a server without one, and ends well', async () => {
    const port = await freePort();
    store = { ...store, env: { ...store.env, LEDGER_EVENT_STORE_URL: `esdb://127.0.0.1:${port}?tls=false` } };
    const server = await launch({ env: { PROJECTOR: 'off' } });
    const projector = await launchServer({
      dataDirectory,
      partners,
      env: { ...store.env, LOG_LEVEL: 'info' },
      ...projectorProcess,
    });
    closing.push(() => projector.killAtOnce());
    await until(projector, 'a retry', () => /retryInMs/.test(projector.output()));
    const peer = await startTestPeer({ port });
    closing.push(() => peer.close());
    await until(projector, 'ready', () => answers(server, 'ready'));
    await until(projector, 'the line that it projects', () => projector.output().includes('projecting'));
    await projector.stop();
    expect(projector.child.exitCode).toBe(0);
  });
});
