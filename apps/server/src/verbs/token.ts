import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { Role } from '#customer-relationship';
import { signToken } from '#http';
import { configuration, shownIssuers, tokenKey } from '#configuration';
import { badConfiguration, BadUsage, StartupFailure } from '#program';

export interface TokenAsked {
  readonly role: readonly Role[];
  readonly partner?: string | undefined;
  readonly customer?: string | undefined;
  readonly app: boolean;
  readonly user?: string | undefined;
  readonly minutes: number;
  readonly json: boolean;
}

/**
 * Prints a token signed with the server's own key, and nothing else, to standard output: TOKEN=$(npm run -s token -- …). It is for
 * one of the partner's people or programs, or for the customer's Global admin.
 */
export async function printToken({ role, partner, customer, app, user, minutes, json }: TokenAsked): Promise<void> {
  const roles = customer === undefined || role.length > 0 ? role : (['CustomerGlobalAdmin'] as const);
  // A customer's token is of the customer's tenant; the path names the partner.
  const tenant = customer ?? partner;
  if (tenant === undefined) throw new BadUsage('--partner or --customer must be a GUID.');
  if (app && roles.includes('CustomerGlobalAdmin'))
    throw new BadUsage(`A customer's Global admin is a person, never --app.`);
  if (roles.length === 0) throw new BadUsage('At least one --role is needed.');

  const settings = configuration({ ...process.env, HOST: '' });
  const { identity, tokenLifetimeMaxSeconds } = settings;
  if (identity)
    throw new StartupFailure(
      `${'file' in identity ? 'IDENTITY_FILE' : 'JWKS_URL'} is set, so the server takes tokens only of ${shownIssuers(identity)}: get one there.`,
      badConfiguration,
    );
  const mostMinutes = Math.floor(tokenLifetimeMaxSeconds / 60);
  if (minutes > mostMinutes)
    throw new StartupFailure(
      `--minutes may be at most ${mostMinutes}: the server refuses a token that is good for longer. JWT_LIFETIME_MAX_SECONDS changes that, here and where the server runs.`,
      badConfiguration,
    );
  const { signing } = await tokenKey(settings);
  const claims = { tenant, id: user ?? randomUUID(), roles, app, minutes };
  const token = await signToken(signing, claims);
  const expiresAt = new Date(decodeJwt(token).exp! * 1_000).toISOString();
  const { id, ...rest } = claims;
  process.stdout.write(`${json ? JSON.stringify({ token, expiresAt, ...rest, user: id }) : token}\n`);
}
