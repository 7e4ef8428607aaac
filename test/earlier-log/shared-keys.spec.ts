import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Partner, Role } from '#customer-relationship';
import { embeddedKey, signToken } from '#http';
import { startServer, type ServerProcess } from '../server-process.js';

// A log of a release whose keys were one for all sides (record-shared-keys.mjs): the customer took keys of the partner’s.

interface Sent {
  readonly as: { readonly tenant: string; readonly roles: readonly Role[]; readonly app: boolean; readonly id: string };
  readonly key: string;
  readonly path: string;
  readonly body: object;
  readonly answer: { readonly status: number; readonly location: string | null; readonly body: object };
}

const from = resolve('test/earlier-log/of-shared-keys');
const commands = readFileSync(join(from, 'commands.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Sent);
const remembered = commands.filter(({ answer: { status } }) => status < 300 || status === 409);
const blocked = commands.filter(({ answer: { status } }) => status === 422);

describe('A log in which the customer has taken keys of the partner’s', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-shared-keys-'));
  let server: ServerProcess;
  let token: (who: Sent['as']) => Promise<string>;
  const start = async () => {
    const partners = JSON.parse(readFileSync(join(from, 'partners.json'), 'utf8')) as readonly Partner[];
    server = await startServer({ dataDirectory: directory, partners, env: { TIMEKEEPER: 'off' } });
  };
  beforeAll(async () => {
    cpSync(from, directory, { recursive: true });
    await start();
    const { signing } = await embeddedKey(join(directory, 'keys/token-key.json'));
    token = (who) => signToken(signing, { ...who, minutes: 60 });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function send({ as, key, path, body }: Sent) {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await token(as)}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    });
    const { status, headers } = response;
    return {
      answer: { status, location: headers.get('location'), body: (await response.json()) as object },
      replayed: headers.get('idempotent-replayed'),
    };
  }

  it('answers each side what it was answered, and decides what was blocked, once, whatever was restarted', async () => {
    expect([remembered.length, blocked.length]).toEqual([10, 3]);
    const decided: unknown[] = [];
    for (const replayed of [null, 'true']) {
      for (const { answer, ...sent } of remembered) {
        const again = await send({ answer, ...sent });
        const { status, location } = answer;
        expect([sent.key, again]).toMatchObject([sent.key, { answer: { status, location }, replayed: 'true' }]);
        // The words for people may be put better.
        if (status < 300) expect(again.answer.body).toEqual(answer.body);
      }
      for (const [index, sent] of blocked.entries()) {
        const { answer, replayed: was } = await send(sent);
        const isBlocked = answer.status === 422;
        expect([sent.key, isBlocked]).toEqual([sent.key, false]);
        // The second of two equal renamings changes nothing, and is refused for that.
        expect(was).toBe(replayed);
        decided[index] ??= answer;
        expect(answer).toEqual(decided[index]);
      }
      await server.stop();
      await start();
    }
  });
});
