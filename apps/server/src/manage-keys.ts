import { existsSync, renameSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { eventsFileIn, lockDirectory, StoreStartupError } from '#event-store-sqlite';
import { readIfThere, secretFile } from '#http';
import { configuration } from './configuration.js';
import { ledgerSecretPath, newSecret, tokenKey, tokenKeyPath } from './keys.js';
import { StartupFailure } from './startup-failure.js';

// Shows which keys the data directory holds, never what is in them, and replaces those that are lost. What is replaced is
// kept beside the new one.

async function manageKeys(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'renew-token-key': { type: 'boolean', default: false },
      'renew-ledger-secret': { type: 'boolean', default: false },
    },
  });
  const { dataDirectory, issuer } = configuration({ ...process.env, HOST: '' });
  const tokens = tokenKeyPath(dataDirectory);
  const secret = ledgerSecretPath(dataDirectory);

  if (values['renew-token-key']) {
    putAside(tokens);
    await tokenKey(dataDirectory);
    say(`A new token key is in ${tokens}. Tokens given out so far end when the server is started again.`);
  }
  if (values['renew-ledger-secret']) {
    // A server that runs would go on with the old secret, and know none of its own fingerprints after the next start.
    const lock = lockOf(dataDirectory);
    putAside(secret);
    await secretFile(secret, newSecret);
    lock.release();
    say(
      `A new secret of the ledger is in ${secret}. A retry of a command sent before is now refused (IdempotencyKeyReused).`,
    );
  }
  say(`token key      ${tokens}  ${issuer ? 'not used: JWKS_URL is set' : present(tokens)}`);
  say(`ledger secret  ${secret}  ${present(secret)}`);
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

function present(path: string): string {
  return readIfThere(path) === undefined ? 'not made yet' : 'present';
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

manageKeys().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof StartupFailure ? error.exitCode : 1;
});
