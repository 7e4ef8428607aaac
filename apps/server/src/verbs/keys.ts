import { createSecretKey, type KeyObject } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { adoptLedgerSecret } from '#event-sourcing';
import { eventsFileIn, lockDirectory, StoreStartupError } from '#event-store-sqlite';
import { embeddedKey, readIfThere, secretFile } from '#http';
import { openEventLog, type EventLog } from '#event-log';
import { badConfiguration, StartupFailure } from '#program';
import {
  configuration,
  ledgerSecret,
  ledgerSecretPath,
  makeKeys,
  newSecret,
  sharedLedgerSecret,
  sharedTokenKeyRemedy,
  tokenKeyPath,
  withKey,
  type Configuration,
} from '#configuration';
import { sealOfRelease } from '../event-check.js';

// Shows which keys there are, never their content; makes the keys that servers share; and replaces lost ones. A replaced
// key is kept beside the new one.

const ofNoUse = 'from then on a retry of a command sent before is refused (IdempotencyKeyReused)';

export interface KeysAsked {
  readonly make?: string | undefined;
  readonly renewTokenKey: boolean;
  readonly renewLedgerSecret: boolean;
  readonly adoptLedgerSecret: boolean;
  readonly json: boolean;
}

export async function manageKeys(asked: KeysAsked): Promise<void> {
  const say = asked.json ? () => undefined : print;
  if (asked.make !== undefined) return makeSharedKeys(resolve(asked.make), asked.json);
  const settings = configuration({ ...process.env, HOST: '' });
  const { keysDirectory, identity } = settings;
  const tokens = tokenKeyPath(keysDirectory);
  const secret = ledgerSecretPath(keysDirectory);

  if (asked.renewTokenKey) say(await renewTokenKey(settings, tokens));
  if (asked.renewLedgerSecret) say(await renewLedgerSecret(settings, secret));
  if (asked.adoptLedgerSecret) say(await adoptSecret(settings, secret));
  const files = {
    tokenKey: { path: tokens, present: await isPresent(tokens), used: !identity },
    ledgerSecret: { path: secret, present: await isPresent(secret), used: true },
  };
  if (asked.json) return print(JSON.stringify(files));
  for (const [name, { path, present, used }] of [
    ['token key    ', files.tokenKey],
    ['ledger secret', files.ledgerSecret],
  ] as const)
    print(`${name}  ${path}  ${!used ? 'not used: tokens come from an issuer' : present ? 'present' : 'not made yet'}`);
}

async function makeSharedKeys(directory: string, json: boolean): Promise<void> {
  const { made } = await makeKeys(directory);
  if (json) return print(JSON.stringify({ directory, made }));
  for (const path of [tokenKeyPath(directory), ledgerSecretPath(directory)])
    print(made.includes(path) ? `Made ${path}` : `Left ${path} as it was`);
  print(`Every server of the ledger needs both: set KEYS_DIR to ${directory}, and back it up.`);
}

async function renewTokenKey({ log }: Configuration, tokens: string): Promise<string> {
  if (log.store !== 'sqlite')
    throw new StartupFailure(
      `Several servers share ${tokens}, so it is not renewed in place: each would refuse the tokens of the others.\n${sharedTokenKeyRemedy}`,
      badConfiguration,
    );
  await withKey(tokens, () => putAside(tokens));
  await withKey(tokens, () => embeddedKey(tokens));
  return `A new token key is in ${tokens}. Tokens given out so far end when the server is started again.`;
}

async function renewLedgerSecret({ dataDirectory, log }: Configuration, secret: string): Promise<string> {
  if (log.store !== 'sqlite')
    throw new StartupFailure(
      `Several servers share ${secret}, so it is not renewed in place. Make new keys by npm run keys -- --make DIR, stop every server,\n` +
        `set KEYS_DIR to that directory for all of them, and let the ledger adopt the secret: npm run keys -- --adopt-ledger-secret;\n${ofNoUse}.`,
      badConfiguration,
    );
  // A running server would go on with the old secret, and would not know its own fingerprints after the next start.
  const lock = lockOf(dataDirectory);
  try {
    await withKey(secret, () => putAside(secret));
    const made = await withKey(secret, () => secretFile(secret, newSecret));
    await adopt(log, createSecretKey(made.trim(), 'hex'));
  } finally {
    lock.release();
  }
  return `A new secret of the ledger is in ${secret}. A retry of a command sent before is now refused (IdempotencyKeyReused).`;
}

/** Makes the secret in KEYS_DIR the ledger's, in place of the one that it has. */
async function adoptSecret(settings: Configuration, secret: string): Promise<string> {
  const { dataDirectory, keysDirectory, log } = settings;
  const lock = log.store === 'sqlite' ? lockOf(dataDirectory) : undefined;
  try {
    const outcome = await adopt(log, lock ? await ledgerSecret(keysDirectory, false) : sharedLedgerSecret(settings));
    return outcome === 'adopted'
      ? `The ledger has adopted ${secret}. Servers that still run with another secret must be stopped now; ${ofNoUse}.`
      : `${secret} is the ledger's secret already.`;
  } finally {
    lock?.release();
  }
}

async function adopt(log: EventLog, secret: KeyObject) {
  const { store, connect } = await openEventLog(log);
  try {
    await connect();
    return await adoptLedgerSecret(store, sealOfRelease, secret);
  } finally {
    await store.close();
  }
}

/** @throws StartupFailure when a server uses the directory, or when there is no ledger in it */
function lockOf(dataDirectory: string): { release(): void } {
  if (!existsSync(eventsFileIn(dataDirectory)))
    throw new StartupFailure(
      `There is no ledger in ${dataDirectory}: its first start makes the secret. Check DATA_DIR.`,
    );
  try {
    return lockDirectory(dataDirectory);
  } catch (error) {
    if (error instanceof StoreStartupError) throw new StartupFailure(error.message);
    throw error;
  }
}

function putAside(path: string): void {
  if (readIfThere(path) !== undefined)
    renameSync(path, `${path}.until-${new Date().toISOString().replaceAll(':', '')}`);
}

async function isPresent(path: string): Promise<boolean> {
  return (await withKey(path, () => readIfThere(path))) !== undefined;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
