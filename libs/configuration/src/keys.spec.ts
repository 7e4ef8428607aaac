import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ledgerSecretPath, makeKeys, sharedLedgerSecret, tokenKey, tokenKeyPath, withKey } from './keys.js';
import { StartupFailure } from '#program';

let keysDirectory: string;
beforeEach(() => {
  keysDirectory = join(mkdtempSync(join(tmpdir(), 'keys-')), 'keys');
});
afterEach(() => rmSync(join(keysDirectory, '..'), { recursive: true }));

const log = { store: 'kurrentdb', url: 'esdb://db', streamPrefix: 'ResellerLedger.', allowInsecure: false } as const;
const shared = () => ({ keysDirectory, log });
const alone = () => ({ keysDirectory, log: { store: 'sqlite', eventsFile: join(keysDirectory, 'none') } as const });

describe('the keys that servers share', () => {
  it.each([
    ['the token key', tokenKeyPath],
    ['the secret', ledgerSecretPath],
  ] as const)(
    'are made where they are missing, and never overwritten: %s was lost or not made yet',
    async (_, pathOf) => {
      const [tokens, secret] = [tokenKeyPath(keysDirectory), ledgerSecretPath(keysDirectory)];
      expect((await makeKeys(keysDirectory)).made).toEqual([tokens, secret]);
      rmSync(pathOf(keysDirectory));
      const left = pathOf === tokenKeyPath ? secret : tokens;
      const before = readFileSync(left, 'utf8');

      expect((await makeKeys(keysDirectory)).made).toEqual([pathOf(keysDirectory)]);

      expect(readFileSync(left, 'utf8')).toBe(before);
      sharedLedgerSecret(shared());
      await tokenKey(shared());
      await expect(makeKeys(keysDirectory)).rejects.toThrow('nothing was overwritten');
    },
  );

  it('are a fault of the configuration when they are not as they were made: to start again is useless', async () => {
    await makeKeys(keysDirectory);
    truncateSync(ledgerSecretPath(keysDirectory), 10);
    expect(() => sharedLedgerSecret(shared())).toThrow(
      expect.objectContaining({ exitCode: 78, message: expect.stringContaining('not as it was made') }),
    );

    rmSync(ledgerSecretPath(keysDirectory));
    mkdirSync(ledgerSecretPath(keysDirectory));
    expect(() => sharedLedgerSecret(shared())).toThrow(
      expect.objectContaining({ exitCode: 78, message: expect.stringContaining('it is a directory') }),
    );
  });

  it('are not to be renewed at one server alone', async () => {
    await makeKeys(keysDirectory);
    writeFileSync(tokenKeyPath(keysDirectory), '{}');

    await expect(tokenKey(shared())).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/token-key\.json into KEYS_DIR of every server/),
    });
    await expect(tokenKey(shared())).rejects.not.toThrow('--renew-token-key');
    await expect(tokenKey(alone())).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('--renew-token-key'),
    });
  });
});

describe('the file of a key that cannot be used', () => {
  it('is named with cause and remedy, for every use', async () => {
    writeFileSync(keysDirectory, 'a file');
    const path = tokenKeyPath(`${keysDirectory}-2`);
    mkdirSync(path, { recursive: true });
    const failed = await Promise.allSettled([
      makeKeys(keysDirectory),
      tokenKey(alone()),
      withKey(path, () => readFileSync(path)),
    ]);
    expect(failed.map((each) => each.status === 'rejected' && (each.reason as Error))).toEqual([
      expect.any(StartupFailure),
      expect.any(StartupFailure),
      expect.any(StartupFailure),
    ]);
    expect(failed.map((each) => each.status === 'rejected' && (each.reason as Error).message)).toEqual([
      expect.stringMatching(/^The key .*token-key\.json cannot be read: a part of its path is no directory/),
      expect.stringMatching(/^The key .*token-key\.json cannot be read: a part of its path is no directory/),
      expect.stringMatching(/^The key .*token-key\.json cannot be read: it is a directory, not a file/),
    ]);
  });
});
