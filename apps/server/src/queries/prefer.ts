import { elementsOf, unquoted } from '#http';

const longestWaitSeconds = 30;

/** How long a request may wait for its answer. */
export interface Patience {
  readonly ms: number;
  /** The field of the answer that says so (RFC 7240, 3); none where the sender has not asked. */
  readonly applied: Readonly<Record<string, string>>;
}

/**
 * The wait that `Prefer: wait=n` (RFC 7240) asks for, at most 30 seconds. What cannot be understood is ignored, and of
 * several waits only the first counts, as the RFC requires.
 */
export function patienceOf(prefer: string | string[] | undefined, unlessSaid = 2_000): Patience {
  const asked = prefer === undefined ? undefined : secondsIn([prefer].flat().join(','));
  if (asked === undefined) return { ms: unlessSaid, applied: {} };
  const seconds = Math.min(asked, longestWaitSeconds);
  return { ms: seconds * 1000, applied: { 'Preference-Applied': `wait=${seconds}` } };
}

function secondsIn(prefer: string): number | undefined {
  for (const preference of elementsOf(prefer, ',')) {
    // What follows a semicolon are parameters, of which none is known.
    const [said = ''] = elementsOf(preference, ';');
    const equals = said.indexOf('=');
    const name = equals === -1 ? said : said.slice(0, equals);
    if (name.trim().toLowerCase() !== 'wait') continue;
    const seconds = equals === -1 ? '' : unquoted(said.slice(equals + 1).trim());
    return /^\d+$/.test(seconds) ? Number(seconds) : undefined;
  }
  return undefined;
}
