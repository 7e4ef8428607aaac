import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { fileUnusable } from '#event-sourcing';
import {
  embeddedAlgorithm,
  embeddedAudience,
  embeddedIssuer,
  embeddedKey,
  ownKey,
  readIfThere,
  remoteKeySet,
  secretFile,
  tokenVerifier,
  type ActorId,
  type EmbeddedKey,
  type TokenVerifier,
} from '#http';
import { occasionally } from '#pacing';
import type { Configuration } from './configuration.js';
import { issuersIn } from './identity-file.js';
import { badConfiguration, StartupFailure } from '#program';

export const tokenKeyPath = (keysDirectory: string) => join(keysDirectory, 'token-key.json');
export const ledgerSecretPath = (keysDirectory: string) => join(keysDirectory, 'ledger-secret');

type KeysPlace = Pick<Configuration, 'keysDirectory' | 'log' | 'identity'>;

/**
 * Servers of one log must have the same secrets, so none of them makes any: a second server would make different ones.
 * @throws StartupFailure naming those that are missing
 */
function requireSharedKeys({ keysDirectory, log, identity }: KeysPlace): void {
  if (log.store === 'sqlite') return;
  const needed = [ledgerSecretPath, ...(identity ? [] : [tokenKeyPath])].map((pathIn) => pathIn(keysDirectory));
  const missing = needed.filter((path) => readSecret(path) === undefined);
  if (missing.length > 0)
    throw new StartupFailure(
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing. All servers of a ledger share the secrets in KEYS_DIR: copy them\n` +
        `from another server. For a new ledger make them, once: npm run keys -- --make ${keysDirectory}`,
      badConfiguration,
    );
}

function readSecret(path: string): string | undefined {
  try {
    return readIfThere(path);
  } catch (error) {
    throw unreadable(path, error, 'Restore the file from your backup.', badConfiguration);
  }
}

/** How to replace a token key that servers share: if only one of them had the new key, it would refuse the others' tokens. */
export const sharedTokenKeyRemedy =
  'npm run keys -- --make DIR makes another: put its token-key.json into KEYS_DIR of every server,\nand start all of them again. Tokens given out so far end.';

/** The server's own key for tokens; made where there is none, unless servers share it. @throws StartupFailure */
export async function tokenKey(place: KeysPlace): Promise<EmbeddedKey> {
  requireSharedKeys(place);
  const path = tokenKeyPath(place.keysDirectory);
  try {
    return await embeddedKey(path);
  } catch (error) {
    throw place.log.store === 'sqlite'
      ? unreadable(
          path,
          error,
          'Restore it, or replace it by npm run keys -- --renew-token-key: tokens given out so far end.',
        )
      : unreadable(
          path,
          error,
          `Copy it from another server, or restore it. If it is lost for good: ${sharedTokenKeyRemedy}`,
          badConfiguration,
        );
  }
}

export interface VerifierParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly actorId: ActorId;
  readonly logger: { readonly warn: (about: object, text: string) => void };
}

/** Verifies tokens with the keys of the trusted issuers, else with the server's own key. @throws StartupFailure */
export async function verifierOf(
  settings: KeysPlace & Pick<Configuration, 'tokenLifetimeMaxSeconds'>,
  { logger, ...parts }: VerifierParts,
): Promise<TokenVerifier> {
  const { identity, tokenLifetimeMaxSeconds: lifetimeMaxSeconds } = settings;
  const logTruncated = occasionally(3_600_000, (times, claim: string, tenant: string) =>
    logger.warn(
      { tenant, times },
      `a token does not carry all its ${claim}, so none of them gives a role: see docs/identity.md`,
    ),
  );
  if (identity) {
    const issuers = issuersIn(identity).map(({ jwksUrl, ...issuer }) => {
      const logFailure = occasionally(60_000, (times, reason: string) =>
        logger.warn({ issuer: issuer.names, times }, `the keys of the token issuer could not be fetched: ${reason}`),
      );
      return { ...issuer, keys: remoteKeySet({ url: jwksUrl, onFailure: logFailure }) };
    });
    return tokenVerifier({ issuers, lifetimeMaxSeconds, onTruncated: logTruncated, ...parts });
  }
  const { verification } = await tokenKey(settings);
  const own = {
    names: [embeddedIssuer],
    keys: ownKey(verification),
    audiences: [embeddedAudience],
    algorithms: [embeddedAlgorithm],
  };
  return tokenVerifier({ issuers: [own], lifetimeMaxSeconds, ...parts });
}

/**
 * Makes the secrets of a new ledger that a directory lacks, for all servers of the ledger. If the process is killed
 * between the two, the next call makes the other. Existing ones stay as they are: a ledger may use them.
 * @throws StartupFailure when both are there
 */
export async function makeKeys(directory: string): Promise<{ readonly made: readonly string[] }> {
  const makers = [
    [tokenKeyPath(directory), embeddedKey],
    // Last: where it exists, all are made. The containers rely on that.
    [ledgerSecretPath(directory), (path: string) => secretFile(path, newSecret)],
  ] as const;
  const missing: (typeof makers)[number][] = [];
  for (const maker of makers)
    if ((await withKey(maker[0], () => readIfThere(maker[0]))) === undefined) missing.push(maker);
  if (missing.length === 0)
    throw new StartupFailure(
      `${makers.map(([path]) => path).join(' and ')} are there already, and nothing was overwritten: a ledger may use them. Name another directory.`,
    );
  for (const [path, make] of missing) await withKey<unknown>(path, () => make(path));
  return { made: missing.map(([path]) => path) };
}

const secretForm = /^[0-9a-f]{64}\n?$/;

/** A new secret, as it stands in its file. */
export const newSecret = () => `${randomBytes(32).toString('hex')}\n`;

/** The secret for fingerprints of commands, where servers share it. @throws StartupFailure */
export function sharedLedgerSecret(place: KeysPlace): KeyObject {
  requireSharedKeys(place);
  const path = ledgerSecretPath(place.keysDirectory);
  return secretOf(path, readSecret(path) ?? '', badConfiguration);
}

/**
 * The secret for fingerprints of commands. It is made when the log is empty, and never for a log that has events: their
 * fingerprints were made with another.
 * @throws StartupFailure
 */
export async function ledgerSecret(keysDirectory: string, logIsEmpty: boolean): Promise<KeyObject> {
  const path = ledgerSecretPath(keysDirectory);
  let text: string | undefined;
  try {
    text = logIsEmpty ? await secretFile(path, newSecret) : readIfThere(path);
  } catch (error) {
    throw unreadable(path, error, 'Restore the file from your backup.');
  }
  if (text === undefined)
    throw new StartupFailure(
      `The ledger's secret ${path} is missing, but the ledger has events that were fingerprinted with it.\n` +
        `Restore the file from your backup. If it is lost for good: npm run keys -- --renew-ledger-secret makes a new one;\n` +
        `from then on a retry of a command sent before is refused (IdempotencyKeyReused) instead of being given its first answer.`,
    );
  return secretOf(path, text);
}

function secretOf(path: string, text: string, exitCode?: number): KeyObject {
  if (!secretForm.test(text))
    throw new StartupFailure(
      `The ledger's secret ${path} is not as it was made (64 hexadecimal digits). Restore the file from your backup.`,
      exitCode,
    );
  return createSecretKey(text.trim(), 'hex');
}

/** Does something with the file of a key. @throws StartupFailure naming the file, the cause and the remedy */
export async function withKey<T>(path: string, deed: () => T | Promise<T>): Promise<T> {
  try {
    return await deed();
  } catch (error) {
    throw unreadable(path, error, 'Restore the file from your backup.');
  }
}

function unreadable(path: string, error: unknown, remedy: string, exitCode?: number): StartupFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  const purpose = code === 'ENOSPC' || code === 'EROFS' ? 'write' : 'read';
  return new StartupFailure(
    code === undefined
      ? `The key ${path} cannot be used: ${message}. ${remedy}`
      : `${fileUnusable({ what: 'The key', path, purpose, restore: remedy }, error).message} (KEYS_DIR or DATA_DIR says where it is.)`,
    exitCode,
  );
}
