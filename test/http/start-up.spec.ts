import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { launchServer, startServer, type ServerOptions } from '../server-process.js';
import { establish, newCustomer, northwind, partners, runServer } from './running-server.js';
import { runTool } from './tools.js';

let directory: string;
let dataDirectory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-start-'));
  dataDirectory = join(directory, 'data');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** How a server ends that does not start. */
async function failure(options: Partial<ServerOptions> = {}) {
  const server = await launchServer({ dataDirectory, partners, ...options });
  await server.ended();
  return { code: server.child.exitCode, said: server.output() };
}

/** A message for people: no stack trace, no more lines than it needs. */
function expectPlain(said: string) {
  expect(said).not.toMatch(/\n\s+at /);
  expect(said.trim().split('\n').length).toBeLessThanOrEqual(4);
}

let made: string;
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'ledger-made-'));
  const server = await runServer({ dataDirectory: join(made, 'data') });
  await establish(server);
  await server.stop();
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

/** A ledger with something in it, and no server. */
async function ledgerWithEvents(): Promise<void> {
  await cp(join(made, 'data'), dataDirectory, { recursive: true });
}

describe('a server that is not configured rightly', () => {
  it('says everything at once, with the exit code for it, and has made nothing on the way', async () => {
    const { code, said } = await failure({ env: { PORT: 'x', POLICY: 'y' } });
    expect([code, said]).toEqual([78, expect.stringMatching(/PORT must[\s\S]*POLICY must/)]);
    expectPlain(said);
    expect(existsSync(join(dataDirectory, 'keys'))).toBe(false);
  });

  it('says that it has no partners', async () => {
    const { code, said } = await failure({ env: { PARTNERS_FILE: join(directory, 'none.json') } });
    expect([code, said]).toEqual([
      78,
      expect.stringMatching(/partners file .*none\.json cannot be read: it does not exist/),
    ]);
  });
});

describe('a server that cannot start', () => {
  it('because its port is in use, says so and lets go of everything', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    const { code, said } = await failure({ port });
    expect([code, said]).toEqual([
      1,
      expect.stringContaining(`Port ${port} on 127.0.0.1 is in use. Stop what uses it, or set PORT`),
    ]);
    expectPlain(said);
    expect((await failure({ env: { METRICS_PORT: String(port) } })).said).toContain(
      `Metrics cannot be served on 127.0.0.1:${port}`,
    );
    blocker.close();
    await (await startServer({ dataDirectory, partners })).stop();
  });

  it('listens on one address of localhost: what is bounded there would not be on another', async () => {
    const server = await startServer({ dataDirectory, partners, env: { HOST: 'localhost' } });
    expect(server.output()).toContain(`listens on http://127.0.0.1:${server.port}`);
    const elsewhere = connect({ host: '::1', port: server.port });
    expect(await once(elsewhere, 'connect').catch(({ code }: NodeJS.ErrnoException) => code)).toMatch(
      /ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/,
    );
    await server.stop();
  });

  it('because its data directory is a file, says so', async () => {
    writeFileSync(dataDirectory, '');
    // The test's own launcher would make the directory.
    const { code, said } = await failure({
      dataDirectory: join(directory, 'elsewhere'),
      env: { DATA_DIR: dataDirectory },
    });
    expect([code, said]).toEqual([1, expect.stringContaining(dataDirectory)]);
    expectPlain(said);
  });

  it('because another’s file is in the place of its log, says so and leaves it alone', async () => {
    mkdirSync(dataDirectory);
    const file = join(dataDirectory, 'events.sqlite');
    const other = new Database(file);
    other.exec('CREATE TABLE theirs (a)');
    other.close();
    const before = readFileSync(file);
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('events.sqlite')]);
    expectPlain(said);
    expect(readFileSync(file)).toEqual(before);
  });

  it('because its log is damaged, says so and leaves it alone', async () => {
    await ledgerWithEvents();
    const file = join(dataDirectory, 'events.sqlite');
    writeFileSync(file, Buffer.concat([Buffer.from('not a database at all'), readFileSync(file).subarray(21)]));
    const before = readFileSync(file);
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('events.sqlite')]);
    expectPlain(said);
    expect(readFileSync(file)).toEqual(before);
  });

  it('because a newer release has written its log, says so', async () => {
    await ledgerWithEvents();
    const log = new Database(join(dataDirectory, 'events.sqlite'));
    log.pragma('user_version = 999');
    log.close();
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringMatching(/events\.sqlite.*999/)]);
    expectPlain(said);
  });

  it('because its secret is lost, says what to do, and starts when that is done', async () => {
    await ledgerWithEvents();
    const secret = join(dataDirectory, 'keys', 'ledger-secret');
    renameSync(secret, `${secret}.lost`);
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('npm run keys -- --renew-ledger-secret')]);
    expect(said).toContain('Restore the file');
    expect(existsSync(secret)).toBe(false);

    // Restored.
    renameSync(`${secret}.lost`, secret);
    await (await startServer({ dataDirectory, partners })).stop();

    // Not under a running server, which would go on with the secret that it has read.
    const running = await startServer({ dataDirectory, partners });
    const refused = await runTool('keys', ['--renew-ledger-secret'], { DATA_DIR: dataDirectory });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(dataDirectory)]);
    await running.stop();

    // Lost for good.
    rmSync(secret);
    const renewed = await runTool('keys', ['--renew-ledger-secret'], { DATA_DIR: dataDirectory });
    expect(renewed.stdout).toContain('A new secret of the ledger');
    await (await startServer({ dataDirectory, partners })).stop();

    truncateSync(secret, 10);
    expect((await failure()).said).toContain('Restore the file from your backup');
  });

  it('because its log is lost, does not begin a new one', async () => {
    await ledgerWithEvents();
    for (const name of ['events.sqlite', 'events.sqlite-wal', 'events.sqlite-shm'])
      rmSync(join(dataDirectory, name), { force: true });
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('Restore the events from your backup')]);
    expectPlain(said);
    expect(existsSync(join(dataDirectory, 'events.sqlite'))).toBe(false);
  });

  it('because its token key is something else, says so', async () => {
    mkdirSync(join(dataDirectory, 'keys'), { recursive: true });
    writeFileSync(join(dataDirectory, 'keys', 'token-key.json'), '{}');
    const { code, said } = await failure();
    expect([code, said]).toEqual([1, expect.stringContaining('--renew-token-key')]);
    expectPlain(said);
  });
});

describe('keys', () => {
  it('are readable by their owner alone, whatever the umask', async () => {
    for (const [file, mode] of [
      ['keys', 0o700],
      ['keys/token-key.json', 0o600],
      ['keys/ledger-secret', 0o600],
    ] as const)
      expect({ file, mode: (statSync(join(made, 'data', file)).mode & 0o777).toString(8) }).toEqual({
        file,
        mode: mode.toString(8),
      });
  });

  it('are shown without what is in them', async () => {
    await ledgerWithEvents();
    const secret = readFileSync(join(dataDirectory, 'keys', 'ledger-secret'), 'utf8').trim();
    const { stdout } = await runTool('keys', [], { DATA_DIR: dataDirectory });
    expect(stdout).toMatch(/token key .* present\nledger secret .* present/);
    expect(stdout).not.toContain(secret);
  });

  it('that servers share are not renewed at one of them', async () => {
    const keys = join(directory, 'keys');
    await runTool('keys', ['--make', keys], {});
    const key = () => readFileSync(join(keys, 'token-key.json'), 'utf8');
    const before = key();
    const env = { EVENT_STORE: 'kurrentdb', LEDGER_EVENT_STORE_URL: 'esdb://127.0.0.1:1', KEYS_DIR: keys };
    const { code, stderr } = await runTool('keys', ['--renew-token-key'], env);
    expect([code, stderr]).toEqual([78, expect.stringMatching(/not renewed in place[\s\S]*of every server/)]);
    expectPlain(stderr);
    expect(key()).toBe(before);
  });

  it('of which one was made when the maker was killed, are completed by the next', async () => {
    const keys = join(directory, 'keys');
    await runTool('keys', ['--make', keys], {});
    rmSync(join(keys, 'ledger-secret'));
    const { code, stdout } = await runTool('keys', ['--make', keys], {});
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/Left \S+token-key\.json as it was\nMade \S+ledger-secret/),
    ]);
  });
});

describe('a token', () => {
  it('can be had before the first start, and from beside a running server', async () => {
    const before = await runTool('token', ['--role', 'GlobalAdmin', '--partner', northwind.toUpperCase()], {
      DATA_DIR: dataDirectory,
    });
    const server = await runServer({ dataDirectory });
    const beside = await runTool('token', ['--customer', northwind], { DATA_DIR: dataDirectory });
    for (const { stdout, stderr, code } of [before, beside])
      expect([stdout.trim().split('.').length, stderr, code]).toEqual([3, '', 0]);
    expect((await server.get('/v1/customers', { as: before.stdout.trim() })).status).toBe(200);
    const app = await runTool('token', ['--role', 'GlobalAdmin', '--partner', northwind, '--app'], {
      DATA_DIR: dataDirectory,
    });
    // An unknown customer: who is not let in learns that first, who is let in that there is nothing.
    const remove = (token: string) =>
      server.post(
        `/v1/customers/${newCustomer()}/reseller-relationship/remove`,
        {},
        { as: token.trim(), headers: { 'if-match': '*' } },
      );
    expect(await remove(before.stdout)).toMatchObject({ status: 404, code: 'RelationshipNotFound' });
    expect(await remove(app.stdout)).toMatchObject({ status: 403, code: 'UserContextRequired' });
    await server.stop();
  });

  it.each([
    [['--role', 'Cook', '--partner', northwind], /'Cook' is invalid/],
    [['--role', 'GlobalAdmin'], /--partner or --customer must be a GUID/],
    [['--partner', northwind], /At least one --role/],
    [['--role', 'GlobalAdmin', '--partner', northwind, '--minutes', '0'], /--minutes/],
    [['--role', 'GlobalAdmin', '--partner', northwind, '--minutes', '1441'], /--minutes may be at most 1440/],
    [['--customer', northwind, '--app'], /Global admin is a person/],
    [['--nonsense'], /Usage: ledger token/],
  ])('is not made of %j', async (args, message) => {
    const { stdout, stderr, code } = await runTool('token', args, { DATA_DIR: dataDirectory });
    expect([stdout, code === 0, stderr]).toEqual(['', false, expect.stringMatching(message)]);
  });

  it('is not made where an identity provider is', async () => {
    const env = {
      DATA_DIR: dataDirectory,
      JWKS_URL: 'https://login.example/keys',
      JWT_ISSUER: 'https://login.example',
      JWT_AUDIENCE: 'ledger',
    };
    const { stderr, code } = await runTool('token', ['--role', 'GlobalAdmin', '--partner', northwind], env);
    expect([code, stderr]).toEqual([78, expect.stringContaining('JWKS_URL is set')]);
  });
});

// What a mode forbids does not bind the superuser.
const unlessRoot = process.getuid?.() === 0 ? it.skip : it;
describe('a data directory that may not be written', () => {
  unlessRoot('is named, with the reason', async () => {
    mkdirSync(dataDirectory, { mode: 0o500 });
    const { code, said } = await failure();
    chmodSync(dataDirectory, 0o700);
    expect([code, said]).toEqual([1, expect.stringContaining(dataDirectory)]);
    expectPlain(said);
  });
});
