import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { embeddedKey, secretFile } from '#http';
import { newSecret } from '#configuration';
import { launchTestPeer, type TestPeerProcess } from '../test-peer/process.js';

/** What the journeys of this run go over; said by the project in jest.config.js. */
export const journeysOver =
  (globalThis as { journeysOver?: 'sqlite' | 'testPeer' | 'realServer' }).journeysOver ?? 'sqlite';

/** Where one ledger has its log and its secrets, for one server or for several. */
export interface JourneyStore {
  readonly keysDirectory: string;
  /** The settings that a server needs. */
  readonly env: Readonly<Record<string, string>>;
}

let peer: Promise<TestPeerProcess> | undefined;

// One for the file, and not one for all files: what a test does to it must not be felt elsewhere.
if (journeysOver === 'testPeer') afterAll(async () => (await peer)?.kill());

/** The store of a new ledger: in the data directory, or in a database under a prefix of its own. */
export async function newJourneyStore(dataDirectory: string): Promise<JourneyStore> {
  if (journeysOver === 'sqlite') return { keysDirectory: join(dataDirectory, 'keys'), env: {} };
  const url =
    journeysOver === 'realServer'
      ? process.env['LEDGER_EVENT_STORE_URL']!
      : (await (peer ??= launchTestPeer())).connectionString;
  return kurrentdbStore(url, join(dataDirectory, '..', 'keys'));
}

/** A store in a database, with secrets of its own. */
export async function kurrentdbStore(url: string, keysDirectory: string): Promise<JourneyStore> {
  await makeKeys(keysDirectory);
  return {
    keysDirectory,
    env: {
      EVENT_STORE: 'kurrentdb',
      LEDGER_EVENT_STORE_URL: url,
      LEDGER_STREAM_PREFIX: `Journey-${randomUUID()}.`,
      ALLOW_INSECURE_EVENTSTORE: 'true',
      KEYS_DIR: keysDirectory,
    },
  };
}

/** The secrets that servers of one ledger share. */
export async function makeKeys(directory: string): Promise<void> {
  await embeddedKey(join(directory, 'token-key.json'));
  await secretFile(join(directory, 'ledger-secret'), newSecret);
}
