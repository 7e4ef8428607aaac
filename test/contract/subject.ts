import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Partner } from '#customer-relationship';
import { embeddedKey, secretFile, signToken } from '#http';
import { newSecret } from '#configuration';
import { startServer } from '../server-process.js';
import { launchTestPeer } from '../test-peer/process.js';
import type { RunOptions } from './run.js';

export interface Subject extends Pick<RunOptions, 'url' | 'partners' | 'tokenOf'> {
  /** Stops it and takes its data away. */
  readonly end: () => Promise<void>;
}

/** The built server on a ledger of its own, without rate limits. */
export async function newSubject(store: 'sqlite' | 'kurrentdb'): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-contract-'));
  const partners = JSON.parse(readFileSync('partners.json', 'utf8')) as readonly Partner[];
  const keys = join(directory, 'data', 'keys');
  const peer = store === 'kurrentdb' ? await launchTestPeer() : undefined;
  if (peer) {
    await embeddedKey(join(keys, 'token-key.json'));
    await secretFile(join(keys, 'ledger-secret'), newSecret);
  }
  const inDatabase = {
    EVENT_STORE: 'kurrentdb',
    LEDGER_EVENT_STORE_URL: peer?.connectionString ?? '',
    LEDGER_STREAM_PREFIX: `Contract-${randomUUID()}.`,
    ALLOW_INSECURE_EVENTSTORE: 'true',
    KEYS_DIR: keys,
  };
  const server = await startServer({
    partners,
    dataDirectory: join(directory, 'data'),
    // Its commands are answered to people here, who would otherwise come too late now and then.
    env: { LOG_LEVEL: 'error', RATE_LIMIT: '0', TIMEKEEPER: 'off', ...(peer ? inDatabase : {}) },
  });
  const { signing } = await embeddedKey(join(keys, 'token-key.json'));
  const tokens = new Map<string, Promise<string>>();
  return {
    url: server.url,
    partners: partners.slice(0, 2),
    tokenOf(sender) {
      const name = JSON.stringify(sender);
      const known = tokens.get(name) ?? signToken(signing, { ...sender, id: 'caller', minutes: 60 });
      tokens.set(name, known);
      return known;
    },
    async end() {
      await server.stop();
      await peer?.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
