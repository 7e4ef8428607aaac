import type { Role } from '#customer-relationship';
import { isGuid } from './fields.js';
import type { KeySet } from './key-set.js';

/** A claim that a token carries; with any text unless a value is given. */
export interface ClaimSign {
  readonly name: string;
  readonly value?: string;
}

/** Who carries the value in the list of the claim has the roles. GUIDs compare without case. */
export interface RoleGrant {
  readonly claim: string;
  readonly value: string;
  readonly roles: readonly Role[];
}

/** An issuer whose tokens are taken, and what they must be like. */
export interface TrustedIssuer {
  /** Every `iss` that its tokens may carry. `{tenantid}` in one stands for the tenant of the token, its `tid`. */
  readonly names: readonly string[];
  readonly keys: KeySet;
  /** One of them must be in `aud`. */
  readonly audiences: readonly string[];
  /** The only accepted algorithms, whatever the token's header says. */
  readonly algorithms: readonly string[];
  /** The tenants that it speaks for, in lower case; absent: any. */
  readonly tenants?: ReadonlySet<string>;
  /** The media types of tokens ({@link tokenTypes}) that it issues. Absent: any of them, and tokens that name none. */
  readonly types?: readonly string[];
  /** Each of these claims proves a person; `scp` if there are none. */
  readonly personSigns?: readonly ClaimSign[];
  /** Each of these claims shows an app, whatever else shows a person. */
  readonly appSigns?: readonly ClaimSign[];
  /** What gives roles. Absent: the values of the claim `roles` that are names of roles. */
  readonly grants?: readonly RoleGrant[];
}

/** The media types of access tokens: RFC 7519, 5.1 and RFC 9068, 2.1. */
export const tokenTypes = ['JWT', 'at+jwt'] as const;

const placeholder = '{tenantid}';
const template = /^https?:\/\/[^\s/?#{}]+(\/[^\s/?#{}]+)*\/\{tenantid\}(\/[^\s?#{}]*)?$/;

/** What is wrong with the name of an issuer, as the end of a sentence about it; undefined if nothing is. */
export function faultOfIssuerName(name: string): string | undefined {
  if (!/[{}]/.test(name) || template.test(name)) return undefined;
  return `may hold ${placeholder} once, as a whole part of the path of a URL, and no other braces`;
}

export const holdsTenant = (name: string): boolean => name.includes(placeholder);

/** The issuer that an `iss` names. */
export interface NamedIssuer {
  readonly issuer: TrustedIssuer;
  /** The tenant in the `iss`, in lower case; undefined where the issuer's name holds none. */
  readonly tenant: string | undefined;
  /** Whether a key whose JWK names this issuer may prove a token of the tenant. */
  readonly mayUseKeyOf: (keyIssuer: string, tenant: string) => boolean;
}

/**
 * Finds the issuer of an `iss`. A name without `{tenantid}` goes before one with it, so that one tenant of a provider may
 * have rules of its own.
 */
export function issuersByName(issuers: readonly TrustedIssuer[]): (iss: string) => NamedIssuer | undefined {
  const templates = issuers.flatMap((issuer) =>
    issuer.names.filter(holdsTenant).map((name) => ({ issuer, ...partsOf(name) })),
  );

  /** The tenant is compared in lower case, and nothing else of the name varies. */
  function read(name: string): { readonly name: string; readonly tenant?: string; readonly issuer?: TrustedIssuer } {
    for (const { issuer, before, after } of templates) {
      if (!name.startsWith(before) || !name.endsWith(after)) continue;
      const tenant = name.slice(before.length, name.length - after.length).toLowerCase();
      if (isGuid(tenant)) return { name: before + tenant + after, tenant, issuer };
    }
    return { name };
  }

  const fixed = new Map(
    issuers.flatMap((issuer) =>
      issuer.names.filter((name) => !holdsTenant(name)).map((name) => [read(name).name, issuer] as const),
    ),
  );

  return (iss) => {
    const { name, tenant, issuer: ofTemplate } = read(iss);
    const issuer = fixed.get(name) ?? ofTemplate;
    if (!issuer) return undefined;
    return {
      issuer,
      tenant,
      mayUseKeyOf(keyIssuer, tid) {
        const filled = read(keyIssuer.replace(placeholder, tid)).name;
        if (filled === name) return true;
        // Entra's keys name the issuer of version 2.0, and sign tokens of version 1.0 too. So all names that stand for one
        // issuer, and hold the tenant, are names of the same tenant's issuer.
        return (
          filled.includes(tid) && issuer.names.some((each) => read(each.replace(placeholder, tid)).name === filled)
        );
      },
    };
  };
}

function partsOf(name: string): { readonly before: string; readonly after: string } {
  const [before = '', after = ''] = name.split(placeholder);
  return { before, after };
}
