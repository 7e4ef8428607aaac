import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { partner } from '../../bench/histories.js';
import { launchServer, startServer, type ServerProcess } from '../server-process.js';

describe('two servers on one data directory', () => {
  let directory: string;
  let dataDirectory: string;
  const running: ServerProcess[] = [];
  const started = async (server: Promise<ServerProcess>) => {
    running.push(await server);
    return server;
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'server-lock-'));
    dataDirectory = join(directory, 'data');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.killAtOnce()));
    rmSync(directory, { recursive: true, force: true });
  });

  it('are one too many: the second ends at once, says why, and leaves the first alone', async () => {
    const first = await started(startServer({ dataDirectory, partners: [partner] }, 'live'));
    const second = await started(launchServer({ dataDirectory, partners: [partner] }));
    await second.exited;

    expect(second.child.exitCode).toBe(1);
    expect(second.output()).toContain(`Another server uses the data directory ${dataDirectory}.`);
    // One sentence for the operator, no stack trace.
    expect(second.output().trim().split('\n')).toHaveLength(1);
    expect((await fetch(`${first.url}/health/live`)).status).toBe(200);
  });

  it('may follow each other, also when the first could not clean up', async () => {
    const first = await started(startServer({ dataDirectory, partners: [partner] }, 'live'));
    await first.killAtOnce();
    const second = await started(startServer({ dataDirectory, partners: [partner] }, 'live'));
    await second.stop();
    const third = await started(startServer({ dataDirectory, partners: [partner] }, 'live'));

    expect(first.child.signalCode).toBe('SIGKILL');
    expect(second.child.exitCode).toBe(0);
    expect((await fetch(`${third.url}/health/live`)).status).toBe(200);
  });
});
