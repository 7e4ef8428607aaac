import { randomUUID } from 'node:crypto';
import type { Partner } from '#customer-relationship';
import { signToken } from '#http';
import { isLoopback, tokenKey, type Configuration } from '#configuration';

/** A working day. */
const minutes = 8 * 60;

/**
 * An address of the docs page that signs in as a person of the first partner. The token is in the fragment, which browsers
 * send to nobody. Undefined where another issuer gives out tokens, where other machines reach the server, or where nobody
 * sits in front of it: a log must hold no token.
 */
export async function signInLink(
  url: string,
  settings: Configuration,
  partners: ReadonlyMap<string, Partner>,
): Promise<string | undefined> {
  const [partner] = partners.values();
  if (settings.identity || !settings.web.docs || !isLoopback(settings.host) || !isStartedByPerson() || !partner)
    return undefined;
  const { signing } = await tokenKey(settings);
  const token = await signToken(signing, {
    tenant: partner.tenantId,
    id: randomUUID(),
    roles: ['GlobalAdmin', 'AdminAgent'],
    app: false,
    minutes: Math.min(minutes, Math.floor(settings.tokenLifetimeMaxSeconds / 60)),
  });
  return `${url}/docs#token=${token}`;
}

/** At a terminal, or by npm. Services and containers start the program itself, and keep what it prints. */
function isStartedByPerson(): boolean {
  return process.stdout.isTTY || process.env['npm_lifecycle_event'] !== undefined;
}
