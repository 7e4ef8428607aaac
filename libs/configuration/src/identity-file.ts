import { roles, type Role } from '#customer-relationship';
import {
  faultOfIssuerName,
  Guid,
  holdsTenant,
  isGuid,
  ListOf,
  Matching,
  Nested,
  OneOf,
  Optional,
  Text,
  tokenTypes,
  validated,
  type RoleGrant,
} from '#http';
import {
  algorithms,
  faultOfJwksUrl,
  JwksUrl,
  Sign,
  signOf,
  type IdentitySettings,
  type IssuerSettings,
} from './issuer-settings.js';
import { listIn } from './list-file.js';

class GrantFields {
  @Matching(/^[\w.:/-]{1,200}$/, 'the name of a claim', 'wids') claim!: string;
  @Optional(Text(500)) value?: string;
  @ListOf(OneOf(roles), 1, roles.length) roles!: readonly Role[];
}

class IssuerFields {
  @ListOf(Text(500), 1, 100) issuers!: readonly string[];
  @JwksUrl() jwksUrl!: string;
  @ListOf(Text(500), 1, 100) audiences!: readonly string[];
  @Optional(ListOf(OneOf(algorithms), 1, algorithms.length)) algorithms?: readonly string[];
  @Optional(ListOf(Guid(), 1, 100_000)) tenants?: readonly string[];
  @Optional(ListOf(OneOf(tokenTypes), 1, tokenTypes.length)) types?: readonly string[];
  @Optional(ListOf(Sign('people'), 1, 20)) person?: readonly string[];
  @Optional(ListOf(Sign('apps'), 1, 20)) app?: readonly string[];
  @Optional(ListOf(Nested(GrantFields), 1, 10_000)) roles?: readonly GrantFields[];
}

/** `wids` of Entra that are in the tokens of everybody: "user", and of every app. */
const widsOfEverybody = ['b79fbf4d-3ef9-4689-8143-76b194e85509', '0997a1d0-0d1d-4acb-b408-d5ca73121e90'];

/**
 * The issuers whose tokens are taken.
 * @throws StartupFailure naming every fault by issuer and field
 */
export function issuersIn(identity: IdentitySettings): readonly IssuerSettings[] {
  if ('issuers' in identity) return identity.issuers;
  const { entries, fail } = listIn(identity.file, 'The identity file', 'IDENTITY_FILE', 'issuer');
  const faults: string[] = [];
  const issuers: IssuerSettings[] = [];
  const firstOf = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    const { value, errors } = validated(IssuerFields, entry);
    const ofEntry = value
      ? faultsOf(value, entries.length)
      : errors.map(({ pointer, detail }) => `${pointer} ${detail}`);
    for (const [at, name] of value?.issuers.entries() ?? []) {
      const before = firstOf.get(name.toLowerCase());
      if (before === undefined) firstOf.set(name.toLowerCase(), `/${index}/issuers/${at}`);
      else ofEntry.push(`/issuers/${at} is named before, in ${before}: a token has one issuer`);
    }
    faults.push(...ofEntry.map((fault) => `/${index}${fault}`));
    if (value && ofEntry.length === 0) issuers.push(settingsOf(value));
  }
  if (faults.length > 0) throw fail(...faults);
  return issuers;
}

/** The names of all issuers, as a text. */
export function shownIssuers(identity: IdentitySettings): string {
  return issuersIn(identity)
    .flatMap(({ names }) => names)
    .join(', ');
}

function faultsOf({ issuers, jwksUrl, tenants, roles: grants = [] }: IssuerFields, ofHowMany: number): string[] {
  const faults = issuers.flatMap((name, at) => {
    const fault = faultOfIssuerName(name);
    if (fault) return [`/issuers/${at} ${fault}`];
    // Its tokens name their tenant in a claim of which it could make any, that of a partner too.
    if (!holdsTenant(name) && !tenants && ofHowMany > 1)
      return [`/tenants is required, because /issuers/${at} holds no {tenantid}: name the tenants that it speaks for`];
    return [];
  });
  const ofUrl = faultOfJwksUrl(jwksUrl);
  if (ofUrl) faults.push(`/jwksUrl ${ofUrl}`);
  for (const [at, { claim, value }] of grants.entries()) {
    if (claim !== 'wids') continue;
    if (!isGuid(value)) faults.push(`/roles/${at}/value must be a GUID: the template of a role in Entra's directory`);
    else if (widsOfEverybody.includes(value.toLowerCase()))
      faults.push(`/roles/${at}/value is in the tokens of everybody: it would give the roles to all`);
  }
  return faults;
}

function settingsOf({ issuers, jwksUrl, tenants, types, ...fields }: IssuerFields): IssuerSettings {
  const { audiences, algorithms: allowed = ['RS256'], person = ['scp'], app = [], roles: grants } = fields;
  return {
    names: issuers,
    jwksUrl: new URL(jwksUrl),
    audiences,
    algorithms: allowed,
    personSigns: person.map(signOf),
    appSigns: app.map(signOf),
    ...(tenants ? { tenants: new Set(tenants) } : {}),
    ...(types ? { types } : {}),
    ...(grants ? { grants: grants.flatMap(grantsOf) } : {}),
  };
}

/** Without a value, each role is given by a value that is its name. */
function grantsOf({ claim, value, roles: given }: GrantFields): readonly RoleGrant[] {
  return value === undefined
    ? given.map((role) => ({ claim, value: role, roles: [role] }))
    : [{ claim, value, roles: given }];
}
