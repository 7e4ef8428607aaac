import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ledgerStream, LogDamaged, noPreviousHash, openLedger } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { ForeignViews, openViewsFile, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { runProjector, type ProjectorNews } from './run-projector.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'run-projector-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('a projector that cannot start because the log is damaged reports it before it ends: a thread passes on no class', async () => {
  const eventsFile = eventsFileIn(directory);
  const store = openSqliteEventStore({ path: eventsFile });
  const metadata = {
    actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
    causationId: 'c',
    commandHash: '',
    commandId: 'c',
    correlationId: 'c',
    policy: { name: 'none', hash: noPreviousHash },
    recordedAt: '2026-11-22T12:00:00.000Z',
    schema: 1,
  };
  // Its first event is no ledger's.
  await store.append(ledgerStream, seal(ledgerStream, 0, noPreviousHash, [{ type: 'Sung', data: {}, metadata }]), -1);
  await store.close();

  const reported: ProjectorNews[] = [];
  const running = runProjector(
    { log: { store: 'sqlite', eventsFile }, viewsFile: viewsFileIn(directory) },
    new AbortController().signal,
    (news) => reported.push(news),
  );
  await expect(running).rejects.toThrow(LogDamaged);
  expect(reported).toMatchObject([{ news: 'trouble', damaged: true }]);
});

it('a projector does not go on with views of events that the log has lost, though it ends where it ended', async () => {
  const eventsFile = eventsFileIn(directory);
  const store = openSqliteEventStore({ path: eventsFile });
  const { ledgerId } = await openLedger(store, seal);
  await store.close();
  const viewsFile = viewsFileIn(directory);
  const views = openViewsFile({ path: viewsFile, projections: relationshipViews });
  views.claim(ledgerId, 1);
  for (const { name } of relationshipViews) views.advance(name, 1, { position: 1, id: 'lost' });
  views.close();

  const reported: ProjectorNews[] = [];
  const running = runProjector(
    { log: { store: 'sqlite', eventsFile }, viewsFile },
    AbortSignal.timeout(5_000),
    (news) => reported.push(news),
  );
  await expect(running).rejects.toThrow(ForeignViews);
  expect(reported).toEqual([]);
});

it('a projector whose views are damaged starts, or names the file, the cause and the remedy', async () => {
  const eventsFile = eventsFileIn(directory);
  const store = openSqliteEventStore({ path: eventsFile });
  await openLedger(store, seal);
  await store.close();
  const viewsFile = viewsFileIn(directory);
  const run = async () => {
    const ending = new AbortController();
    const reported: ProjectorNews[] = [];
    await runProjector({ log: { store: 'sqlite', eventsFile }, viewsFile }, ending.signal, (news) => {
      reported.push(news);
      ending.abort();
    });
    return reported.map(({ news }) => news);
  };
  expect(await run()).toEqual(['started']);
  const whole = readFileSync(viewsFile);
  const refusals: string[] = [];
  for (let page = 1; page < 12; page++) {
    for (const end of ['-wal', '-shm']) rmSync(`${viewsFile}${end}`, { force: true });
    writeFileSync(viewsFile, Buffer.from(whole).fill(0, page * 4_096, (page + 1) * 4_096));
    await run().catch(({ message }: Error) => refusals.push(message));
  }
  expect(refusals.length).toBeGreaterThan(0);
  for (const message of refusals) {
    expect(message).toContain(viewsFile);
    expect(message).toMatch(/npm run rebuild|of another form/);
  }
});
