import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { roles, type Role } from '#customer-relationship';
import { isGuid, signToken } from '#http';
import { configuration, tokenKey } from '#configuration';
import { badConfiguration, StartupFailure } from '#program';

// Prints a token signed with the server's own key, and nothing else, to standard output: TOKEN=$(npm run -s token -- …)

const usage = `Usage: npm run token -- --role ROLE [--role ROLE]… --partner GUID [--app] [--user ID] [--minutes N]
       npm run token -- --customer GUID [--user ID] [--minutes N]
Roles: ${roles.join(', ')}
A token is for one of the partner's people, with --app for one of its programs, with --customer for the customer's Global admin.`;

function misused(message: string): StartupFailure {
  return new StartupFailure(`${message}\n${usage}`, badConfiguration);
}

async function printToken(): Promise<void> {
  const { values } = parseArgs({
    options: {
      role: { type: 'string', multiple: true, default: [] },
      partner: { type: 'string' },
      customer: { type: 'string' },
      app: { type: 'boolean', default: false },
      user: { type: 'string' },
      minutes: { type: 'string', default: '60' },
    },
  });
  const { partner, customer, app, minutes } = values;
  const held = customer === undefined || values.role.length > 0 ? values.role : ['CustomerGlobalAdmin'];
  const unknown = held.filter((role) => !roles.includes(role as Role));
  if (unknown.length > 0) throw misused(`There is no role ${unknown.join(', ')}.`);
  // A customer's token is of the customer's tenant; the path names the partner.
  const tenant = customer ?? partner;
  if (!isGuid(tenant)) throw misused('--partner or --customer must be a GUID.');
  if (app && held.includes('CustomerGlobalAdmin')) throw misused(`A customer's Global admin is a person, never --app.`);
  if (held.length === 0) throw misused('At least one --role is needed.');
  if (!/^[1-9]\d{0,5}$/.test(minutes)) throw misused('--minutes must be a whole number from 1 on.');
  const user = values.user ?? randomUUID();
  if (!/^[\x21-\x7e]{1,128}$/.test(user)) throw misused('--user must be 1 to 128 visible ASCII characters.');

  const settings = configuration({ ...process.env, HOST: '' });
  const { issuer } = settings;
  if (issuer)
    throw new StartupFailure(
      `JWKS_URL is set, so the server takes tokens of ${issuer.issuer} only: get one there.`,
      badConfiguration,
    );
  const { signing } = await tokenKey(settings);
  process.stdout.write(
    `${await signToken(signing, { tenant: tenant.toLowerCase(), id: user, roles: held, app, minutes: Number(minutes) })}\n`,
  );
}

printToken().catch((error: unknown) => {
  const known = error instanceof StartupFailure || (error instanceof TypeError && 'code' in error);
  process.stderr.write(
    known ? `${(error as Error).message}${error instanceof TypeError ? `\n${usage}` : ''}\n` : `${String(error)}\n`,
  );
  process.exitCode = error instanceof StartupFailure ? error.exitCode : 1;
});
