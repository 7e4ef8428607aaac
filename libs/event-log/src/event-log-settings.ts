import { eventsFileIn } from '#event-store-sqlite';
import type { EventLog } from './event-log.js';
import { BadConfiguration, misspeltVariables } from '#program';

/** Every variable that says where the log is, for the server and its tools alike. */
export const eventLogVariables = [
  'EVENT_STORE',
  'LEDGER_EVENT_STORE_URL',
  'LEDGER_STREAM_PREFIX',
  'ALLOW_INSECURE_EVENTSTORE',
] as const;

/**
 * The former names of variables. EVENTSTORE_ is the database's own prefix: a node of the database that is started from
 * the same shell takes them for its own options, and ends because it does not know them.
 */
const formerNames = {
  LEDGER_EVENT_STORE_URL: 'EVENTSTORE_URL',
  LEDGER_STREAM_PREFIX: 'EVENTSTORE_STREAM_PREFIX',
} as const satisfies Partial<Record<(typeof eventLogVariables)[number], string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Ends with its only dot, so that the prefix of one ledger never starts the streams of another. */
const prefixForm = /^[A-Za-z0-9_-]{1,100}\.$/;
const stores = ['sqlite', 'kurrentdb'];

/**
 * A faulty value as it may be shown: only one plain word. A connection string with a password is easily put into the
 * wrong variable, and a supervisor keeps the output of a process that cannot start.
 */
export function shown(value: string): string {
  return /^[\w.-]{1,100}$/.test(value) ? JSON.stringify(value) : 'something else';
}

/** Where the log is, from the environment; or a line for every fault. */
export function eventLogOf(
  given: Environment,
  dataDirectory: string,
): {
  readonly log: EventLog;
  readonly faults: string[];
  /** What an operator should change at some time. */
  readonly notices: readonly string[];
} {
  const { env, faults, notices } = underPresentNames(given);
  const {
    EVENT_STORE: store = 'sqlite',
    LEDGER_EVENT_STORE_URL: url,
    LEDGER_STREAM_PREFIX: streamPrefix = 'ResellerLedger.',
    ALLOW_INSECURE_EVENTSTORE: insecure = 'false',
  } = Object.fromEntries(eventLogVariables.flatMap((name) => (env[name] ? [[name, env[name]]] : []))) as Partial<
    Record<(typeof eventLogVariables)[number], string>
  >;
  if (!stores.includes(store)) faults.push(`EVENT_STORE must be one of ${stores.join(', ')}, but is ${shown(store)}`);
  if (!prefixForm.test(streamPrefix))
    faults.push(
      `LEDGER_STREAM_PREFIX must be letters, digits, _ and - with a dot at the end, such as ResellerLedger., but is ${shown(streamPrefix)}`,
    );
  if (insecure !== 'true' && insecure !== 'false')
    faults.push(`ALLOW_INSECURE_EVENTSTORE must be true or false, but is ${shown(insecure)}`);
  // Never shown: it may hold a password.
  if (url && !/^esdb(\+discover)?:\/\/./.test(url))
    faults.push(
      /^(kurrentdb|kurrent|kdb)(\+discover)?:/.test(url)
        ? 'LEDGER_EVENT_STORE_URL must begin with esdb:// or esdb+discover://, which is how this client spells kurrentdb://'
        : 'LEDGER_EVENT_STORE_URL must begin with esdb:// or esdb+discover://',
    );
  if (store === 'kurrentdb' && !url)
    faults.push(
      'LEDGER_EVENT_STORE_URL must be set with EVENT_STORE=kurrentdb: where the database is, such as esdb://HOST:2113',
    );
  const ofADatabase = eventLogVariables.slice(1).filter((name) => env[name]);
  if (store === 'sqlite' && ofADatabase.length > 0)
    faults.push(`EVENT_STORE must be kurrentdb with ${ofADatabase.join(', ')}, which have no meaning without it`);
  return {
    log:
      store === 'kurrentdb'
        ? { store, url: url ?? '', streamPrefix, allowInsecure: insecure === 'true' }
        : { store: 'sqlite', eventsFile: eventsFileIn(dataDirectory) },
    faults,
    notices,
  };
}

function underPresentNames(given: Environment) {
  const env: Record<string, string | undefined> = { ...given };
  const faults: string[] = [];
  const notices: string[] = [];
  for (const [name, former] of Object.entries(formerNames)) {
    const value = given[former];
    if (!value) continue;
    // Neither is shown: one may hold a password.
    if (given[name] && given[name] !== value)
      faults.push(`${name} and ${former}, its former name, are set to different values: set ${name} alone`);
    else notices.push(`${former} is called ${name} now, and will not be read under its former name for ever`);
    env[name] ||= value;
  }
  return { env, faults, notices };
}

/** Where the log is, for a tool. @throws BadConfiguration with every fault, one on a line */
export function requireEventLog(
  env: Environment,
  dataDirectory: string,
  notice: (text: string) => void = (text) => process.stderr.write(`${text}\n`),
): EventLog {
  const { log, faults, notices } = eventLogOf(env, dataDirectory);
  faults.unshift(...misspeltVariables(env, [...eventLogVariables, 'DATA_DIR']).faults);
  if (faults.length > 0)
    throw new BadConfiguration(`The configuration is not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  for (const each of notices) notice(each);
  return log;
}
