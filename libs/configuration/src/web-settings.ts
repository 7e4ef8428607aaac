import { Matching, OneOf, Optional } from '#http';
import type { Given } from './settings.js';

const path = /^(?:\/[\w.~-]+)+$/;
const origins = /^[^\s,]+(?:,[^\s,]+)*$/;

export class WebVariables {
  @Optional(OneOf(['on', 'off'])) DOCS?: 'on' | 'off';
  @Optional(Matching(path, 'a path such as /ledger, without a slash at its end', '/ledger')) PUBLIC_PATH?: string;
  @Optional(Matching(origins, 'origins with commas', 'https://app.example')) CORS_ORIGINS?: string;
}

/** How the server is reached by browsers and through a proxy. */
export interface WebSettings {
  /** Whether there is a page to try the routes. */
  readonly docs: boolean;
  /** The path below which a proxy offers the server; empty: none. */
  readonly publicPath: string;
  /** Whose pages may read answers in a browser. */
  readonly origins: readonly string[];
}

export function webOf(value: WebVariables): WebSettings {
  return {
    docs: value.DOCS !== 'off',
    publicPath: value.PUBLIC_PATH ?? '',
    origins: value.CORS_ORIGINS?.split(',') ?? [],
  };
}

/** The first parts of the server's own paths. With one of these before it, an address would have two meanings. */
const ownPaths = new Set(['v1', 'docs', 'health', 'problems', 'schemas', 'openapi.json']);

/** What the form of each variable does not show. */
export function faultsOfWeb({ PUBLIC_PATH, CORS_ORIGINS }: Given<WebVariables>): readonly string[] {
  const faults: string[] = [];
  if (PUBLIC_PATH !== undefined && path.test(PUBLIC_PATH)) {
    const parts = PUBLIC_PATH.slice(1).split('/');
    const dots = parts.find((part) => part === '.' || part === '..');
    if (dots !== undefined)
      faults.push(`PUBLIC_PATH must be a path as it is sent, but has ${JSON.stringify(dots)} in it`);
    else if (ownPaths.has(parts[0]!))
      faults.push(`PUBLIC_PATH must not start with /${parts[0]}, because paths of the server itself do`);
  }
  if (CORS_ORIGINS !== undefined && origins.test(CORS_ORIGINS)) {
    const none = CORS_ORIGINS.split(',').findIndex((origin) => !isOrigin(origin));
    // Not shown: it may be something else with a password in it.
    if (none !== -1)
      faults.push(
        `CORS_ORIGINS must be origins as browsers send them, such as https://app.example, with commas, but number ${none + 1} is none`,
      );
  }
  return faults;
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.parse(text)?.origin === text;
}
