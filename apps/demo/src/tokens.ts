import type { Actor } from '#customer-relationship';
import { embeddedKey, readIfThere, signToken } from '#http';
import { withKey } from '#configuration';

const minutes = 60;
/** Signed anew well before it runs out. */
const freshForMs = (minutes - 15) * 60_000;

export class KeyMissing extends Error {
  override readonly name = 'KeyMissing';
}

/**
 * Tokens of the server's own key, for whoever acts; each is made once and used until it is about to run out.
 * @throws StartupFailure when the key cannot be read
 * @throws KeyMissing when the server has not made its key in that data directory; the demo does not make one for it
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
