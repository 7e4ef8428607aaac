import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Partner } from '#customer-relationship';
import { embeddedKey, secretFile, signToken } from '#http';
import { newSecret } from '../../apps/server/src/keys.js';
import { startServer } from '../server-process.js';
import { launchTestPeer } from '../test-peer/process.js';
import { told } from './findings.js';
import { run, table, unreached } from './run.js';

// npm run contract -- --requests 20000 --seed 1 [--store kurrentdb] [--at-once 8]
// Sends requests that openapi.json describes, and some that it does not, to a server of its own, and ends with 1 when an
// answer is not as documented, or when some operation was never seen to succeed.

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    store: { type: 'string', default: 'sqlite' },
    'at-once': { type: 'string', default: '8' },
  },
});
const [requests, seed, atOnce] = [values.requests, values.seed, values['at-once']].map(Number) as [
  number,
  number,
  number,
];
if (![requests, seed, atOnce].every(Number.isSafeInteger) || !['sqlite', 'kurrentdb'].includes(values.store)) {
  console.error('--requests, --seed and --at-once take whole numbers, --store takes sqlite or kurrentdb');
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'ledger-contract-'));
const partners = JSON.parse(readFileSync('partners.json', 'utf8')) as readonly Partner[];
const keys = join(directory, 'data', 'keys');
const peer = values.store === 'kurrentdb' ? await launchTestPeer() : undefined;
if (peer) {
  await embeddedKey(join(keys, 'token-key.json'));
  await secretFile(join(keys, 'ledger-secret'), newSecret);
}
const server = await startServer({
  partners,
  dataDirectory: join(directory, 'data'),
  env: {
    LOG_LEVEL: 'error',
    RATE_LIMIT: '0',
    ...(peer
      ? {
          EVENT_STORE: 'kurrentdb',
          EVENTSTORE_URL: peer.connectionString,
          EVENTSTORE_STREAM_PREFIX: `Contract-${randomUUID()}.`,
          ALLOW_INSECURE_EVENTSTORE: 'true',
          KEYS_DIR: keys,
        }
      : {}),
  },
});
const { signing } = await embeddedKey(join(keys, 'token-key.json'));
const tokens = new Map<string, Promise<string>>();

const startedAt = performance.now();
console.log(`${requests} requests, ${atOnce} at once, over ${values.store}; again with --seed ${seed}`);
try {
  const result = await run({
    url: server.url,
    requests,
    seed,
    atOnce,
    partners: partners.slice(0, 2),
    tokenOf(sender) {
      const name = JSON.stringify(sender);
      const known = tokens.get(name) ?? signToken(signing, { ...sender, id: 'caller', minutes: 60 });
      tokens.set(name, known);
      return known;
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`\n${table(result)}\n`);
  const never = unreached(result);
  for (const finding of result.findings) console.log(`${told(finding)}\n`);
  if (never.length > 0) console.log(`Never seen to succeed: ${never.join(', ')}`);
  console.log(
    `${result.sent} sent in ${seconds.toFixed(0)} s, ${result.retried} retried, ${result.replayed} replayed; ` +
      `${result.findings.length} findings, ${never.length} operations never seen to succeed; seed ${seed}`,
  );
  if (result.findings.length > 0 || never.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  await peer?.kill();
  rmSync(directory, { recursive: true, force: true });
}
