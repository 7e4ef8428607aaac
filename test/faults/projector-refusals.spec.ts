import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { relationshipStream } from '#customer-relationship';
import { noPreviousHash, noStream, openLedger } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { eventsFileIn, lockDirectory, openSqliteEventStore, type SqliteEventStore } from '#event-store-sqlite';
import { openViews, openViewsFile, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { randomFrom, randomHistory } from '../random-history.js';
import { contents, replay, said, start, startScript } from './projector-process.js';

let dataDirectory: string;
let store: SqliteEventStore;
let ledgerId: string;

beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'projector-'));
  store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
  ({ ledgerId } = await openLedger(store, seal));
});
afterEach(async () => {
  await store.close();
  rmSync(dataDirectory, { recursive: true });
});

/** An event that no release knows, in a relationship's stream. */
/** An event of a name that nobody knows; and of a time that is none, for the view that asks nothing but where and when. */
async function appendUnreadable(): Promise<number> {
  const stream = relationshipStream('a0000000-0000-4000-8000-00000000000f', 'c0000000-0000-4000-8000-00000000000f');
  const sealed = seal(stream, 0, noPreviousHash, [
    {
      type: 'RelationshipSung',
      data: {},
      metadata: {
        actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
        causationId: 'c',
        commandHash: 'h',
        commandId: 'c',
        correlationId: 'c',
        policy: { name: 'p', hash: 'h' },
        recordedAt: 'some day',
        schema: 1,
      },
    },
  ]);
  return (await store.append(stream, sealed, noStream)).position;
}

/** Views of another ledger lie in the data directory. */
function leaveForeignViews(): void {
  const views = openViewsFile({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
  views.claim('22222222-2222-4222-8222-222222222222', 0);
  views.close();
}

describe('the projector as a process', () => {
  it('is refused while another one writes the views, and says so', async () => {
    const first = start('projector', '--data-dir', dataDirectory);
    await said(first, 'projecting');
    const second = start('projector', '--data-dir', dataDirectory);
    await second.exited;
    expect(second.child.exitCode).toBe(1);
    expect(second.output()).toContain(`Another projector writes ${viewsFileIn(dataDirectory)}`);
    first.child.kill('SIGINT');
    await first.exited;
    expect(first.child.exitCode).toBe(0);
  });

  it('is refused with the views of another ledger, which a rebuild makes right for who accepts what they know', async () => {
    leaveForeignViews();
    const refused = start('projector', '--data-dir', dataDirectory);
    await refused.exited;
    expect(refused.child.exitCode).toBe(1);
    expect(refused.output()).toContain('\\"npm run rebuild -- --accept-lost-events\\"');

    const unasked = start('rebuild', '--data-dir', dataDirectory);
    await unasked.exited;
    expect(unasked.child.exitCode).toBe(1);
    const rebuilt = start('rebuild', '--accept-lost-events', '--data-dir', dataDirectory);
    await rebuilt.exited;
    expect(rebuilt.child.exitCode).toBe(0);
    const accepted = start('projector', '--data-dir', dataDirectory);
    await said(accepted, 'projecting');
    accepted.child.kill('SIGTERM');
    await accepted.exited;
  });

  it('needs a ledger that a server has opened', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'projector-'));
    await openSqliteEventStore({ path: eventsFileIn(empty) }).close();
    const refused = start('projector', '--data-dir', empty);
    await refused.exited;
    expect(refused.child.exitCode).toBe(1);
    expect(refused.output()).toContain('holds no ledger yet');
    rmSync(empty, { recursive: true });
  });

  it('ends with every view stopped, loudly, at an event that none can read', async () => {
    await randomHistory(store, randomFrom(1)).append(50);
    const position = await appendUnreadable();
    const running = start('projector', '--data-dir', dataDirectory);
    await running.exited;

    expect(running.child.exitCode).toBe(1);
    expect(running.output()).toContain('a view has stopped at an event that it cannot handle');
    expect(running.output()).toContain('every view has stopped');
    const views = openViews({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
    for (const status of views.status())
      expect(status).toMatchObject({
        status: 'stopped',
        position: position - 1,
        error: { position, type: 'RelationshipSung' },
      });
    await views.close();
  });
});

describe('a rebuild', () => {
  it('rebuilds views, counts what it did, and is refused while a server has the directory', async () => {
    await randomHistory(store, randomFrom(2)).append(400);
    const lock = lockDirectory(dataDirectory);
    const refused = start('rebuild', '--data-dir', dataDirectory);
    await refused.exited;
    expect(refused.child.exitCode).toBe(1);
    expect(refused.output()).toContain(`Another server uses the data directory ${dataDirectory}`);
    lock.release();

    const head = await store.head();
    const rebuilt = start('rebuild', '--data-dir', dataDirectory);
    await rebuilt.exited;
    expect(rebuilt.output()).toContain(`${head} events, 100 % of the log`);
    expect(rebuilt.output()).toMatch(new RegExp(`^${head} events$`, 'm'));
    for (const { name } of relationshipViews) expect(rebuilt.output()).toMatch(new RegExp(`^${name} +\\d+ rows$`, 'm'));
    expect(rebuilt.child.exitCode).toBe(0);
    const control = join(dataDirectory, 'control.sqlite');
    await replay(store, control, head, ledgerId);
    expect(contents(viewsFileIn(dataDirectory))).toEqual(contents(control));

    const one = start('rebuild', 'items', '--data-dir', dataDirectory);
    await one.exited;
    expect(one.output()).toMatch(/^items +\d+ rows$/m);
    expect(one.output()).not.toContain('customer-list');
    expect(contents(viewsFileIn(dataDirectory))).toEqual(contents(control));
  });

  it('knows its views by name', async () => {
    const refused = start('rebuild', 'customers', '--data-dir', dataDirectory);
    await refused.exited;
    expect(refused.child.exitCode).toBe(64);
    expect(refused.output()).toContain('There is no view customers. The views are customer-list, ');
  });

  it('rebuilds damaged views', async () => {
    writeFileSync(viewsFileIn(dataDirectory), 'not a database at all'.repeat(1_000));
    const rebuilt = start('rebuild', '--data-dir', dataDirectory);
    await rebuilt.exited;
    expect(rebuilt.child.exitCode).toBe(0);
  });
});

describe('the projector as a thread', () => {
  const module = resolve('dist/libs/relationship-projector/src/projector-thread.js');
  const script = (body: string) => `
    import { startProjectorThread } from ${JSON.stringify(module)};
    const say = (...words) => console.log(words.join(' '));
    const options = {
      log: { store: 'sqlite', eventsFile: ${JSON.stringify(eventsFileIn(dataDirectory))} },
      viewsFile: ${JSON.stringify(viewsFileIn(dataDirectory))},
      onStopped: (view, failure) => say('stopped', view, failure.type),
      onTrouble: (message) => say('trouble', message),
      onCrashed: (error) => say('crashed', error.message),
    };
    ${body}`;

  it('projects, and stops when it is asked to, so that another may start', async () => {
    const history = randomHistory(store, randomFrom(3));
    await history.append(100);
    const running = startScript(
      dataDirectory,
      script(`
        const first = await startProjectorThread(options);
        await startProjectorThread(options).catch((error) => say('second:', error.message));
        await first.stop();
        say('stopped cleanly');
        const again = await startProjectorThread(options);
        say('again');
        setTimeout(() => again.stop().then(() => say('done')), 2_000);`),
    );
    await said(running, 'again');
    const views = openViews({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
    expect(await views.reached('items', await store.head(), 10_000)).toBe(true);
    // What another process appends is seen too.
    await history.append(20);
    expect(await views.reached('items', await store.head(), 10_000)).toBe(true);
    await views.close();
    await running.exited;
    expect(running.output()).toContain('second: Another projector writes');
    expect(running.output().split('\n').slice(-4, -1)).toEqual(['stopped cleanly', 'again', 'done']);
    expect(running.child.exitCode).toBe(0);
  });

  it('cannot begin with the views of another ledger', async () => {
    leaveForeignViews();
    const running = startScript(
      dataDirectory,
      script(`await startProjectorThread(options).catch((error) => say('refused:', error.message));`),
    );
    await running.exited;
    expect(running.output()).toContain('refused: ');
    expect(running.output()).toContain('shows ledger 22222222-2222-4222-8222-222222222222');
    expect(running.output()).not.toContain('crashed');
  });

  it('reports views that stop, and its own crash', async () => {
    await appendUnreadable();
    const stopped = startScript(
      dataDirectory,
      script(`const thread = await startProjectorThread(options); process.on('exit', () => say('end'));`),
    );
    await stopped.exited;
    for (const { name } of relationshipViews) expect(stopped.output()).toContain(`stopped ${name} RelationshipSung`);
    expect(stopped.output()).not.toContain('crashed');

    rmSync(viewsFileIn(dataDirectory));
    const other = mkdtempSync(join(tmpdir(), 'projector-'));
    const healthy = openSqliteEventStore({ path: eventsFileIn(other) });
    await openLedger(healthy, seal);
    const crashed = startScript(
      dataDirectory,
      script(`
        // Once it has begun, as if memory had run out.
        process.on('worker', (worker) => worker.once('message', () => setTimeout(() => worker.terminate(), 50)));
        await startProjectorThread({
          ...options,
          log: { store: 'sqlite', eventsFile: ${JSON.stringify(eventsFileIn(other))} },
          viewsFile: ${JSON.stringify(viewsFileIn(other))},
        });`),
    );
    await crashed.exited;
    expect(crashed.output()).toContain("crashed The projector's thread has ended (exit code 1)");
    await healthy.close();
    rmSync(other, { recursive: true });
  });
});
