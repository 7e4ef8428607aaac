type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of these beginnings are ours. Not `LEDGER_`: callers of a ledger give their own variables such names too. */
const ownBeginnings = /^(JWT|JWKS|AS_OF|TIMEKEEPER)_/i;
/** Kubernetes sets these for every service of a namespace, also for one that is called ledger or jwt. */
const ofKubernetes = /_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))(_\w+)?$|^LEDGER_PORT$/;
/** OpenTelemetry's own for logs, which this ledger does not export: like those for spans, but for two letters. */
const ofOpenTelemetry = /^OTEL_BLRP_/;
/** The variable of many other programs. */
const ofOthers = ['LOGLEVEL'];
/** Shorter names are one letter from too many others: HOST from HOSTS, PORT from SORT. */
const shortest = 6;
/** A name that is farther away than this was not meant. */
const farthest = 4;

/**
 * What is wrong with variables that no program of ours reads, but that were meant for one: a misspelt JWT_ISSUER would leave the
 * server without what it is to protect. Faults where it is plain, notices where it may be the variable of another program.
 */
export function misspeltVariables(
  env: Environment,
  known: readonly string[],
): { readonly faults: readonly string[]; readonly notices: readonly string[] } {
  const faults: string[] = [];
  const notices: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    // The system of Windows does not tell large letters from small ones.
    if (!value || known.includes(process.platform === 'win32' ? name.toUpperCase() : name)) continue;
    if (ofKubernetes.test(name) || ofOpenTelemetry.test(name)) continue;
    const [nearest, distance] = nearestOf(name.toUpperCase(), known);
    const isNear = nearest !== undefined && (distance <= allowedIn(nearest) || lettersOf(name) === lettersOf(nearest));
    // The value is not shown: it may be a secret.
    // A tool reads fewer variables than the server, whose environment it has: the others are not misspelt.
    const beginning = ownBeginnings.exec(name)?.[0].toUpperCase();
    const isOwn = beginning !== undefined && known.some((each) => each.startsWith(beginning));
    const isMeant = isNear || (isOwn && distance <= farthest);
    const said = `${name} is not known${isMeant ? `: did you mean ${nearest}?` : ''}`;
    if (ofOthers.includes(name)) notices.push(said);
    else if (isNear || isOwn) faults.push(said);
    else if (name.startsWith('LEDGER_') || isEndOfOne(name, known)) notices.push(said);
  }
  return { faults, notices };
}

/** A beginning has been left out. One word is the end of too many names: PATH is that of PUBLIC_PATH. */
function isEndOfOne(name: string, known: readonly string[]): boolean {
  return name.includes('_') && known.some((each) => !each.startsWith('OTEL_') && each.endsWith(`_${name}`));
}

/** How many letters of a name may be wrong. TRUSTED_PROXY is three from TRUSTED_PROXIES. */
function allowedIn({ length }: string): number {
  if (length < 10) return 1;
  return length < 14 ? 2 : 3;
}

/** Of `jwtIssuer`, `JWT-ISSUER` and JWTISSUER those of JWT_ISSUER. */
function lettersOf(name: string): string {
  return name.toUpperCase().replace(/[-_.]/g, '');
}

function nearestOf(name: string, known: readonly string[]): readonly [string | undefined, number] {
  let nearest: string | undefined;
  let least = Infinity;
  for (const each of known) {
    if (each.length < shortest) continue;
    const distance = editsBetween(name, each);
    if (distance < least) [nearest, least] = [each, distance];
  }
  return [nearest, least];
}

/** How many letters must be added, left out, replaced or swapped with the next (optimal string alignment). */
function editsBetween(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[other.length]!;
}
