import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { establish, runServer, subscription } from './running-server.js';

it('a server whose file the disk has damaged refuses what needs it for good, and notifies the operator', async () => {
  const server = await runServer();
  const path = await establish(server);
  // More than a page, so that there is something to be damaged.
  for (let index = 0; index < 30; index++)
    await server.post(`${path}/subscriptions`, subscription(`item-${index}`, { comment: 'x'.repeat(900) }));
  await server.stop();
  const file = join(server.dataDirectory, 'events.sqlite');
  const log = new Database(file);
  const table = log.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'events'`).pluck().get() as number;
  log.close();
  const pages = statSync(file).size / 4096;
  expect(pages).toBeGreaterThan(10);

  // Its beginning is whole, so it starts; what it reads later is not.
  const again = await server.restart();
  const bytes = openSync(file, 'r+');
  for (let page = 1; page < pages; page++)
    if (page + 1 !== table) writeSync(bytes, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096);
  closeSync(bytes);

  const refused = await again.post(`${path}/subscriptions`, subscription('after'), { key: 'after' });
  expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([503, 'LogDamaged', '3600']);
  expect(refused.body).toMatchObject({ outcome: 'none', retryable: false });
  expect(refused.body.detail).not.toContain('sqlite');
  const ready = await again.get('/health/ready', { as: null });
  expect([ready.status, ready.body.status]).toEqual([503, 'damaged']);
  expect(ready.body.missing[0]).toBe('the log is damaged: see the log of the server');
  expect((await again.get('/health/live', { as: null })).status).toBe(200);

  // Every caller is refused; the log says so once, with what to do.
  for (let index = 0; index < 20; index++) await again.get(`${path}/reseller-relationship`);
  await sleep(300);
  const lines = again
    .output()
    .split('\n')
    .filter((line) => line.includes('the log is damaged: callers are refused'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('run the integrity check, restore a backup');
  await again.killAtOnce();
  await again.end();
});
