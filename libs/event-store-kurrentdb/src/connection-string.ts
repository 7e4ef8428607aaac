import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { EndPoint, NodePreference } from '@eventstore/db-client';
import { StoreRefused, type Refusal } from './store-refused.js';

/** What a connection string says, checked, with the defaults of this store. */
export interface ConnectionSettings {
  readonly endpoints: readonly EndPoint[];
  /** The one endpoint is a DNS name of the whole cluster. */
  readonly discover: boolean;
  readonly tls: boolean;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly rootCertificate?: Buffer;
  readonly userCertFile?: Buffer;
  readonly userKeyFile?: Buffer;
  readonly nodePreference: NodePreference;
  readonly maxDiscoverAttempts?: number;
  /** In ms. */
  readonly discoveryInterval?: number;
  /** In seconds. */
  readonly gossipTimeout: number;
  /** In ms; the server compares an append's deadline with its own clock. */
  readonly defaultDeadline: number;
  /** In ms. */
  readonly keepAliveInterval: number;
  /** In ms. */
  readonly keepAliveTimeout: number;
  readonly connectionName: string;
}

/** The options that the client knows; it reads them without regard to case, `_` and `-`. */
const optionNames = [
  'connectionName',
  'defaultDeadline',
  'discoveryInterval',
  'gossipTimeout',
  'keepAliveInterval',
  'keepAliveTimeout',
  'maxDiscoverAttempts',
  'nodePreference',
  'throwOnAppendFailure',
  'tls',
  'tlsCAFile',
  'tlsVerifyCert',
  'userCertFile',
  'userKeyFile',
] as const;
type OptionName = (typeof optionNames)[number];

const nodePreferences: readonly NodePreference[] = ['leader', 'follower', 'read_only_replica', 'random'];
// The client warns below that; a server pings at the same pace.
const shortestKeepAlive = 10_000;

/**
 * Reads a connection string instead of the client, whose parser prints the whole string, password and all, when it
 * meets an option that it does not know, and puts pieces of it into its errors.
 * @throws StoreRefused; never with a user, a password or a value of the string
 */
export function connectionSettings(connectionString: string, allowInsecure: boolean): ConnectionSettings {
  const [, scheme, rest] = /^\s*([a-z+]*):\/\/(.*?)\s*$/s.exec(connectionString) ?? [];
  if ((scheme !== 'esdb' && scheme !== 'esdb+discover') || rest === undefined)
    throw malformed('it must begin with esdb:// or esdb+discover://');
  const question = rest.indexOf('?');
  const authority = (question < 0 ? rest : rest.slice(0, question)).replace(/\/+$/, '');
  const options = optionsIn(question < 0 ? '' : rest.slice(question + 1));
  const at = authority.lastIndexOf('@');
  const credentials = at < 0 ? undefined : credentialsIn(authority.slice(0, at));
  const endpoints = authority
    .slice(at + 1)
    .split(',')
    .map(endpointIn);
  const discover = scheme === 'esdb+discover';
  if (discover && endpoints.length > 1)
    throw malformed('esdb+discover:// takes one DNS name; the client would use the first and forget the others');

  const tls = truthOf(options, 'tls') ?? true;
  if (!tls && !allowInsecure)
    throw refused(
      'insecure',
      'tls=false: anybody on the way could read and change the ledger, and no user is known to the server. Use TLS, or allow it explicitly for development.',
    );
  if (tls && endpoints.some(({ address }) => isIP(address)))
    throw malformed(
      'with TLS, hosts must be given by name: the channel sends what stands here as the name of the server, and Node refuses an IP address there. The nodes of a cluster must be advertised by name as well',
    );
  if (truthOf(options, 'tlsVerifyCert') === false)
    throw malformed(
      'tlsVerifyCert=false has no effect in this client. Trust the certificate instead: tlsCAFile=…, or NODE_EXTRA_CA_CERTS',
    );
  if (truthOf(options, 'throwOnAppendFailure') === false)
    throw malformed('throwOnAppendFailure=false makes the client answer wrong revisions; leave it out');
  const keepAliveInterval = wholeNumberOf(options, 'keepAliveInterval') ?? shortestKeepAlive;
  const keepAliveTimeout = wholeNumberOf(options, 'keepAliveTimeout') ?? shortestKeepAlive;
  for (const [name, value] of Object.entries({ keepAliveInterval, keepAliveTimeout }))
    if (value < shortestKeepAlive)
      throw malformed(
        `${name} must be at least ${shortestKeepAlive} ms: servers take more pings for an attack, and without any a dead connection is never noticed`,
      );
  const nodePreference = options.get('nodePreference') ?? 'leader';
  const preferred = nodePreferences.find((each) => flat(each) === flat(nodePreference));
  if (!preferred) throw malformed(`nodePreference must be one of ${nodePreferences.join(', ')}`);

  const [rootCertificate, userCertFile, userKeyFile] = (['tlsCAFile', 'userCertFile', 'userKeyFile'] as const).map(
    (name) => (tls ? fileOf(options, name) : undefined),
  );
  if (!userCertFile !== !userKeyFile) throw malformed('userCertFile and userKeyFile go together');
  const maxDiscoverAttempts = wholeNumberOf(options, 'maxDiscoverAttempts');
  const discoveryInterval = wholeNumberOf(options, 'discoveryInterval');
  // A node that does not answer must leave time for the next one within a call.
  const gossipTimeout = wholeNumberOf(options, 'gossipTimeout') ?? 2;

  return {
    endpoints,
    discover,
    tls,
    ...(credentials && { credentials }),
    ...(rootCertificate && { rootCertificate }),
    ...(userCertFile && { userCertFile }),
    ...(userKeyFile && { userKeyFile }),
    nodePreference: preferred,
    ...(maxDiscoverAttempts !== undefined && { maxDiscoverAttempts }),
    ...(discoveryInterval !== undefined && { discoveryInterval }),
    gossipTimeout,
    defaultDeadline: wholeNumberOf(options, 'defaultDeadline') ?? 10_000,
    keepAliveInterval,
    keepAliveTimeout,
    connectionName: options.get('connectionName') ?? 'reseller-ledger',
  };
}

function credentialsIn(userinfo: string): { username: string; password: string } {
  const colon = userinfo.indexOf(':');
  const [username, password] = [userinfo.slice(0, colon), userinfo.slice(colon + 1)];
  // RFC 3986: what may stand in a user's part as it is; everything else must be escaped.
  const plain = /^(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})+$/i;
  if (colon < 1 || !plain.test(username) || !plain.test(password))
    throw malformed(
      'the user must be written as user:password@, with every special character of both percent-encoded (: as %3A, @ as %40, / as %2F, ? as %3F, % as %25)',
    );
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw malformed('the percent-encoding of user or password is no UTF-8');
  }
}

function endpointIn(text: string): EndPoint {
  if (text.includes('[') || text.split(':').length > 2)
    throw malformed('IPv6 addresses cannot be written in a connection string of this client: use a host name');
  const [, address, port = '2113'] = /^([a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text.trim()) ?? [];
  if (address === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw malformed(
      'after esdb:// must stand host:port, or several with commas between. Special characters in a password must be percent-encoded',
    );
  return { address, port: Number(port) };
}

function optionsIn(text: string): ReadonlyMap<OptionName, string> {
  const options = new Map<OptionName, string>();
  for (const each of text === '' ? [] : text.replace(/\/+$/, '').split('&')) {
    const equals = each.indexOf('=');
    const key = equals < 0 ? '' : each.slice(0, equals);
    const name = optionNames.find((known) => flat(known) === flat(key));
    if (!name)
      // A password with an unescaped ? would stand here: only what looks like a name may be repeated.
      throw malformed(
        /^[a-z_-]{1,30}$/i.test(key) && !text.includes('@')
          ? `the client has no option ${key}`
          : 'after ? must stand name=value, with & between. Special characters in a password must be percent-encoded',
      );
    if (options.has(name)) throw malformed(`${name} stands there twice`);
    let value: string;
    try {
      value = decodeURIComponent(each.slice(equals + 1)).trim();
    } catch {
      throw malformed(`the percent-encoding of ${name} is no UTF-8`);
    }
    if (value === '') throw malformed(`${name} has no value`);
    options.set(name, value);
  }
  return options;
}

function truthOf(options: ReadonlyMap<OptionName, string>, name: OptionName): boolean | undefined {
  const value = options.get(name);
  if (value !== undefined && value !== 'true' && value !== 'false') throw malformed(`${name} must be true or false`);
  return value === undefined ? undefined : value === 'true';
}

function wholeNumberOf(options: ReadonlyMap<OptionName, string>, name: OptionName): number | undefined {
  const value = options.get(name);
  if (value === undefined) return undefined;
  // A negative number switches a keep-alive off; it is refused with the short ones.
  if (!/^-?\d{1,9}$/.test(value) || (Number(value) <= 0 && !name.startsWith('keepAlive')))
    throw malformed(`${name} must be a whole number above 0`);
  return Number(value);
}

function fileOf(options: ReadonlyMap<OptionName, string>, name: OptionName): Buffer | undefined {
  const path = options.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw malformed(`the file of ${name} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

function flat(text: string): string {
  return text.trim().toLowerCase().replace(/[_-]/g, '');
}

function malformed(reason: string): StoreRefused {
  return refused('badConnectionString', reason);
}

function refused(refusal: Refusal, reason: string): StoreRefused {
  return new StoreRefused(
    refusal,
    `The connection string of the event store will not do: ${reason}.`.replace(/\.\.$/, '.'),
  );
}
