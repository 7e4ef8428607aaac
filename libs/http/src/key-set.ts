import { createLocalJWKSet, type CryptoKey, type JWK } from 'jose';

/** A public key of an issuer. */
export interface IssuerKey {
  /** Whether a token with this key id may be signed by it; undefined for a token that names none. */
  readonly hasId: (kid: string | undefined) => boolean;
  /** The issuer that the key itself names. Entra puts it into keys that all tenants have in common. */
  readonly issuer: string | undefined;
  /** The key for an algorithm. @throws JOSEError if it is not one for verifying signatures of that algorithm */
  readonly forAlgorithm: (algorithm: string) => Promise<CryptoKey>;
}

/** The keys of one issuer. */
export interface KeySet {
  /** Those that are known. @throws KeysUnavailable if there are none because they could not be fetched */
  readonly known: () => Promise<readonly IssuerKey[]>;
  /**
   * Fetches them again because a token names a key that is not among them. False if that was done a moment ago, so that
   * tokens with made-up keys do not make a request each. @throws KeysUnavailable
   */
  readonly renew: () => Promise<boolean>;
}

/** An issuer's keys cannot be had now. That is not the caller's fault. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  constructor(
    readonly retryAfterSeconds: number,
    options?: ErrorOptions,
  ) {
    super('The keys of the issuer cannot be fetched', options);
  }
}

/** The set of one key that is always there. */
export function ownKey(key: CryptoKey): KeySet {
  const keys = [{ hasId: () => true, issuer: undefined, forAlgorithm: () => Promise.resolve(key) }];
  return { known: () => Promise.resolve(keys), renew: () => Promise.resolve(false) };
}

export interface RemoteKeySetOptions {
  readonly url: URL;
  /** Reports why the keys could not be fetched. */
  readonly onFailure?: (reason: string) => void;
  /** How long the issuer may take for its whole answer. */
  readonly timeoutMs?: number;
  /** Milliseconds of a clock that only runs forward. */
  readonly now?: () => number;
}

/** How old keys may be before they are fetched again; those that are known are used meanwhile. */
const freshForMs = 10 * 60_000;
/** How long keys are used while the issuer is away: a key that it has withdrawn must not be good for ever. */
const keptForMs = 60 * 60_000;
const renewEveryMs = 10_000;
/** After a failed fetch. It doubles with each further one. */
const coolDownMs = { first: 1_000, most: 10_000 };
const largestAnswer = 1024 * 1024;
const mostKeys = 100;
/** Requests that wait for one answer of the issuer. */
const mostWaiting = 1_000;

/** The keys at a URL, as a JSON Web Key Set (RFC 7517, 5). */
export function remoteKeySet({
  url,
  onFailure = () => undefined,
  timeoutMs = 5_000,
  now = () => performance.now(),
}: RemoteKeySetOptions): KeySet {
  let held: { readonly keys: readonly IssuerKey[]; readonly at: number } | undefined;
  let failures = 0;
  let coolUntil = -Infinity;
  let renewedAt = -Infinity;
  let pending: Promise<readonly IssuerKey[]> | undefined;
  let waiting = 0;

  const cooling = () => new KeysUnavailable(Math.ceil((coolUntil - now()) / 1000));

  /** One fetch at a time, and none until the last failure has cooled down. */
  function fetched(): Promise<readonly IssuerKey[]> {
    if (pending) return pending;
    if (now() < coolUntil) return Promise.reject(cooling());
    pending = fetchKeys(url, timeoutMs)
      .then(
        (keys) => {
          held = { keys, at: now() };
          failures = 0;
          return keys;
        },
        (error: Error) => {
          const coolFor = Math.min(coolDownMs.first * 2 ** failures, coolDownMs.most);
          failures++;
          coolUntil = now() + coolFor;
          onFailure(reasonOf(error));
          throw new KeysUnavailable(Math.ceil(coolFor / 1000), { cause: error });
        },
      )
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  async function awaited(): Promise<readonly IssuerKey[]> {
    if (waiting >= mostWaiting) throw new KeysUnavailable(1);
    waiting++;
    try {
      return await fetched();
    } finally {
      waiting--;
    }
  }

  return {
    async known() {
      const age = held ? now() - held.at : Infinity;
      if (!held || age > keptForMs) return awaited();
      // Nobody waits for it. What has failed is reported there.
      if (age > freshForMs) fetched().catch(() => undefined);
      return held.keys;
    },
    async renew() {
      if (!pending) {
        // A key that nobody could look up is not wrong.
        if (now() < coolUntil) throw cooling();
        if (failures === 0 && now() - renewedAt < renewEveryMs) return false;
        renewedAt = now();
      }
      await awaited();
      return true;
    },
  };
}

/** Redirects are not followed: the operator has named the address whose keys are trusted. */
async function fetchKeys(url: URL, timeoutMs: number): Promise<readonly IssuerKey[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`it answers with status ${response.status} instead of 200`);
  }
  return keysIn(await textOf(response));
}

/** Counted as it arrives: a length in the header says nothing about chunked or compressed answers. */
async function textOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > largestAnswer) throw new Error(`its answer is larger than ${largestAnswer} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function keysIn(text: string): readonly IssuerKey[] {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error('its answer is not JSON');
  }
  const keys = (answer as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('its answer has no list of keys');
  if (keys.length > mostKeys) throw new Error(`its answer has more than ${mostKeys} keys`);
  // What cannot be read as a key is for others: RFC 7517, 5.
  return (keys as unknown[]).flatMap((key) => keyOf(key) ?? []);
}

function keyOf(jwk: unknown): IssuerKey | undefined {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return undefined;
  const { kid, issuer } = jwk as JWK & { readonly issuer?: unknown };
  if (kid !== undefined && typeof kid !== 'string') return undefined;
  if (issuer !== undefined && typeof issuer !== 'string') return undefined;
  try {
    // A set of its own, so that the library judges use, type, curve and algorithm of this key.
    const ofOne = createLocalJWKSet({ keys: [jwk] });
    return { hasId: (named) => named === undefined || named === kid, issuer, forAlgorithm: (alg) => ofOne({ alg }) };
  } catch {
    return undefined;
  }
}

/** In the words of whoever looks for it, without the address: that may hold a key to it. */
function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return 'it has not answered in time';
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
