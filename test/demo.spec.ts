import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { timeOfDay } from './wall-clock.js';
import { partnersIn } from '#configuration';
import { freePort, startServer, type ServerProcess } from './server-process.js';

describe('npm run demo', () => {
  const directory = mkdtempSync(join(tmpdir(), 'demo-'));
  const dataDirectory = join(directory, 'data');
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer({ dataDirectory, partners: [...partnersIn(resolve('partners.json')).values()] });
  });
  afterAll(async () => {
    await server.killAtOnce();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Long enough to tell every story once. */
  const book = ['--customers', '50', '--today', timeOfDay().toISOString().slice(0, 10)];

  it('fills a server, and replays instead of doubling when it is run again', async () => {
    const first = await demo(server.url, ...book);
    const again = await demo(server.url, ...book);

    // With what was said, which says why where it went wrong.
    expect([first, again]).toEqual([first, again].map(({ output }) => ({ exitCode: 0, output })));
    const [, accepted, replayed, refused] = tallyOf(first.output);
    expect(Number(accepted)).toBeGreaterThan(300);
    expect(Number(refused)).toBeGreaterThan(30);
    expect(replayed).toBe('0');
    expect(tallyOf(again.output).slice(1)).toEqual(['0', accepted, refused]);
    expect(first.output).toMatch(/^.+ can be removed\./m);
    expect(first.output).toMatch(/^.+ cannot be removed:/m);
    // What was counted after the second run is what the first had made.
    expect(countsIn(again.output)).toEqual(countsIn(first.output));
  });

  it('says what to do about the book of another day', async () => {
    const { exitCode, output } = await demo(server.url, '--customers', '3', '--today', '2026-01-15');

    expect(exitCode).toBe(1);
    expect(output).toContain('add the --today of that run, or another --seed');
  });

  it('says that there is no server, or none of this data directory', async () => {
    const nobody = await demo(`http://127.0.0.1:${await freePort()}`);
    const stranger = await demo(server.url, ...book, { DATA_DIR: join(directory, 'elsewhere') });

    expect([nobody.exitCode, stranger.exitCode]).toEqual([1, 1]);
    expect(nobody.output).toContain('Start the server with "npm start"');
    expect(stranger.output).toContain('Set DATA_DIR and KEYS_DIR as the running server has them');
  });

  async function demo(url: string, ...args: (string | { readonly DATA_DIR: string })[]) {
    const options = args.filter((arg) => typeof arg === 'string');
    const { DATA_DIR } = args.find((arg) => typeof arg === 'object') ?? { DATA_DIR: dataDirectory };
    const env = { PATH: process.env['PATH'], DATA_DIR };
    const child = spawn(process.execPath, [resolve('dist/apps/ledger/src/main.js'), 'demo', '--url', url, ...options], {
      env,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const exitCode = await new Promise<number | null>((done) => child.on('close', done));
    return { exitCode, output };
  }
});

function tallyOf(output: string): string[] {
  return (
    /^(?:(\d+) accepted, (\d+) answered again from an earlier run, (\d+) refused)/m.exec(output)?.slice(0, 4) ?? []
  );
}

function countsIn(output: string): string[] {
  return output.split('\n').filter((line) => /^ {2}\S.* \d+$/.test(line));
}
