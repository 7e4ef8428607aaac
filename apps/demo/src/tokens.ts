import type { Actor } from '#customer-relationship';
import { embeddedKey, readIfThere, signToken } from '#http';
import { withKey } from '#configuration';

const minutes = 60;
/** A new token is signed well before the old one expires. */
const freshForMs = (minutes - 15) * 60_000;

export class KeyMissing extends Error {
  override readonly name = 'KeyMissing';
}

/**
 * Tokens signed with the server's own key, one for each actor; each is used until it is about to expire.
 * @throws StartupFailure when the key cannot be read
 * @throws KeyMissing when there is no key in that data directory: the server makes it, the demo does not
 */
export async function tokensOf(keyPath: string): Promise<(actor: Actor) => Promise<string>> {
  if ((await withKey(keyPath, () => readIfThere(keyPath))) === undefined)
    throw new KeyMissing(
      `There is no ${keyPath}: the server makes it on its first start. Set DATA_DIR and KEYS_DIR as the running server has them; ` +
        'one that trusts an identity provider (JWKS_URL) has no key of its own and takes no demo.',
    );
  const { signing } = await withKey(keyPath, () => embeddedKey(keyPath));
  const made = new Map<string, { readonly token: Promise<string>; readonly until: number }>();
  return ({ tenant, id, roles, kind }) => {
    const name = `${tenant}/${id}`;
    const known = made.get(name);
    if (known && Date.now() < known.until) return known.token;
    const token = signToken(signing, { tenant, id, roles, app: kind === 'partnerApp', minutes });
    made.set(name, { token, until: Date.now() + freshForMs });
    return token;
  };
}
