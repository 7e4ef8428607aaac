import { eventsFileIn } from '#event-store-sqlite';
import type { EventLog } from './event-log.js';
import { BadConfiguration } from './exit-codes.js';

/** Every variable that says where the log is, for the server and its tools alike. */
export const eventLogVariables = [
  'EVENT_STORE',
  'EVENTSTORE_URL',
  'EVENTSTORE_STREAM_PREFIX',
  'ALLOW_INSECURE_EVENTSTORE',
] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Ends with the one dot that it has, so that no ledger's streams begin like those of another. */
const prefixForm = /^[A-Za-z0-9_-]{1,100}\.$/;
const stores = ['sqlite', 'kurrentdb'];

/**
 * A value at fault as it may be shown: only what is one plain word. A connection string with its password is soon put
 * into the variable beside its own, and what a process says when it cannot start is kept by its supervisor.
 */
export function shown(value: string): string {
  return /^[\w.-]{1,100}$/.test(value) ? JSON.stringify(value) : 'something else';
}

/** Where the log is as an environment says it, or a line for every variable that cannot be followed. */
export function eventLogOf(
  env: Environment,
  dataDirectory: string,
): { readonly log: EventLog; readonly faults: readonly string[] } {
  const {
    EVENT_STORE: store = 'sqlite',
    EVENTSTORE_URL: url,
    EVENTSTORE_STREAM_PREFIX: streamPrefix = 'ResellerLedger.',
    ALLOW_INSECURE_EVENTSTORE: insecure = 'false',
  } = Object.fromEntries(eventLogVariables.flatMap((name) => (env[name] ? [[name, env[name]]] : []))) as Partial<
    Record<(typeof eventLogVariables)[number], string>
  >;
  const faults: string[] = [];
  if (!stores.includes(store)) faults.push(`EVENT_STORE must be one of ${stores.join(', ')}, but is ${shown(store)}`);
  if (!prefixForm.test(streamPrefix))
    faults.push(
      `EVENTSTORE_STREAM_PREFIX must be letters, digits, _ and - with a dot at the end, such as ResellerLedger., but is ${shown(streamPrefix)}`,
    );
  if (insecure !== 'true' && insecure !== 'false')
    faults.push(`ALLOW_INSECURE_EVENTSTORE must be true or false, but is ${shown(insecure)}`);
  // Never shown: it may hold a password.
  if (url && !/^esdb(\+discover)?:\/\/./.test(url))
    faults.push(
      /^(kurrentdb|kurrent|kdb)(\+discover)?:/.test(url)
        ? 'EVENTSTORE_URL must begin with esdb:// or esdb+discover://, which is how this client spells kurrentdb://'
        : 'EVENTSTORE_URL must begin with esdb:// or esdb+discover://',
    );
  if (store === 'kurrentdb' && !url)
    faults.push(
      'EVENTSTORE_URL must be set with EVENT_STORE=kurrentdb: where the database is, such as esdb://HOST:2113',
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
  };
}

/** Where the log is, for a tool. @throws BadConfiguration with every fault, one on a line */
export function requireEventLog(env: Environment, dataDirectory: string): EventLog {
  const { log, faults } = eventLogOf(env, dataDirectory);
  if (faults.length > 0)
    throw new BadConfiguration(`The configuration is not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return log;
}
