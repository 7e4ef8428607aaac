import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';

// The server's own key, for one machine without an identity provider. It is not used once a JWKS is configured.

export const embeddedIssuer = 'reseller-ledger';
export const embeddedAudience = 'reseller-ledger';
export const embeddedAlgorithm = 'EdDSA';

/** Reads a secret file, or makes it with mode 0600. If two processes make it at once, both get what the first wrote. */
export async function secretFile(path: string, make: () => Promise<string> | string): Promise<string> {
  const existing = readIfThere(path);
  if (existing !== undefined) return existing;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  chmodSync(dirname(path), 0o700);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, await make());
    fsyncSync(file);
    // A link fails if another process has just made the file; a rename would replace it. And the file is never half written.
    linkSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8');
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export interface EmbeddedKey {
  readonly verification: CryptoKey;
  readonly signing: CryptoKey;
}

/** The server's own Ed25519 key; made where there is none. @throws Error when the file holds something else */
export async function embeddedKey(path: string): Promise<EmbeddedKey> {
  const text = await secretFile(path, async () => {
    const { privateKey } = await generateKeyPair('Ed25519', { extractable: true });
    return `${JSON.stringify({ ...(await exportJWK(privateKey)), alg: embeddedAlgorithm })}\n`;
  });
  try {
    const { d, ...publicPart } = JSON.parse(text) as JWK;
    return {
      verification: (await importJWK(publicPart, embeddedAlgorithm)) as CryptoKey,
      signing: (await importJWK({ ...publicPart, d: d ?? '' }, embeddedAlgorithm)) as CryptoKey,
    };
  } catch (error) {
    throw new Error('it is not an Ed25519 key in JWK form', { cause: error });
  }
}

export interface TokenClaims {
  readonly tenant: string;
  readonly id: string;
  readonly roles: readonly string[];
  /** The token is for a program, not a person. */
  readonly app: boolean;
  readonly minutes: number;
}

/** A token signed with the server's own key. */
export function signToken(key: CryptoKey, { tenant, id, roles, app, minutes }: TokenClaims): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ tid: tenant, oid: id, roles: [...roles], idtyp: app ? 'app' : 'user' })
    .setProtectedHeader({ alg: embeddedAlgorithm, typ: 'JWT' })
    .setIssuer(embeddedIssuer)
    .setAudience(embeddedAudience)
    .setSubject(id)
    .setIssuedAt(now)
    .setExpirationTime(now + minutes * 60)
    .sign(key);
}
