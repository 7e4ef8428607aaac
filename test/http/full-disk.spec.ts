import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync, mkdtempSync, mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { establish, runServer, subscription, type Answered, type RunningServer } from './running-server.js';

/** A small file system of its own in memory, which only the superuser can make. */
function smallDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', directory], { stdio: 'ignore' });
    return directory;
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
}

const disk = smallDisk();
const withDisk = disk ? describe : describe.skip;

withDisk('a disk that is full (needs the right to mount a file system)', () => {
  let server: RunningServer;
  let path: string;
  const ballast = join(disk ?? '', 'ballast');
  const left = () => {
    const { bavail, bsize } = statfsSync(disk!);
    return bavail * bsize;
  };
  const fillBut = (leaving: number) => writeFileSync(ballast, Buffer.alloc(left() - leaving));
  // In pieces, because the server writes meanwhile: one piece as large as what was left found no room.
  const fill = () => {
    const piece = Buffer.alloc(16 * 1024);
    expect(() => {
      for (;;) appendFileSync(ballast, piece);
    }).toThrow('ENOSPC');
  };
  const buy = (id: string, key?: string) =>
    server.post(`${path}/subscriptions`, subscription(id, { comment: 'x'.repeat(900) }), key ? { key } : {});

  beforeAll(async () => {
    mkdirSync(join(disk!, 'ledger'));
    server = await runServer({ dataDirectory: join(disk!, 'ledger', 'data'), env: { AS_OF_FREE_MIB: '4' } });
    path = await establish(server);
  });
  afterAll(async () => {
    await server.stop();
    execFileSync('umount', [disk!]);
    rmSync(disk!, { recursive: true, force: true });
  });

  it('makes no list as it stood of the room that commands need, and throws away the kept ones for it', async () => {
    const { position } = (await buy('before')).body;
    const asked = (at: string) => server.get(`/v1/items?asOfPosition=${at}`, { headers: { prefer: 'wait=30' } });
    expect((await asked(position)).status).toBe(200);
    const kept = () => readdirSync(join(disk!, 'ledger', 'data', 'as-of')).length;
    expect(kept()).toBeGreaterThan(0);

    fillBut(3 * 1024 * 1024);
    expect(await asked('3')).toMatchObject({
      status: 503,
      code: 'AsOfUnavailable',
      body: { reason: 'diskFull', retryable: true },
    });
    expect(kept()).toBe(0);
    expect((await buy('meanwhile')).status).toBe(201);
    rmSync(ballast);
    expect((await asked('3')).status).toBe(200);
  });

  it('refuses commands without having tried, loses nothing, and goes on when there is room again', async () => {
    const accepted: string[] = [];
    const before = (await server.get(`${path}/reseller-relationship`)).body.revision;
    fill();
    // What had been set aside may still take some.
    let refused: Answered | undefined;
    for (let index = 0; index < 2_000 && !refused; index++) {
      const answered = await buy(`full-${index}`, `full-${index}`);
      if (answered.status === 201) accepted.push(`full-${index}`);
      else refused = answered;
    }
    expect(refused).toMatchObject({
      status: 503,
      code: 'StoreUnavailable',
      body: { outcome: 'none', retryable: true },
    });
    expect(refused!.headers.get('retry-after')).toMatch(/^\d+$/);
    // It still answers what it knows.
    expect((await server.get(`${path}/reseller-relationship`)).status).toBe(200);
    expect((await server.get('/health/live', { as: null })).status).toBe(200);

    rmSync(ballast);
    // The same command under the same key.
    const again = `full-${accepted.length}`;
    expect((await buy(again, again)).status).toBe(201);
    const { body } = await server.get(`${path}/reseller-relationship`);
    expect(body.revision).toBe(before + 2 * (accepted.length + 1));

    const written = (await server.get(`${path}/reseller-relationship`)).headers.get('ledger-position')!;
    const items = await server.get('/v1/items?limit=200', {
      headers: { 'ledger-position': written, prefer: 'wait=30' },
    });
    expect(items.status).toBe(200);
    server = await server.restart();
    expect((await server.get(`${path}/reseller-relationship`)).body.revision).toBe(body.revision);
    for (const id of [accepted.at(0), accepted.at(-1), again])
      if (id) expect((await server.get(`${path}/subscriptions/${id}`)).body.status).toBe('active');
  });
});
