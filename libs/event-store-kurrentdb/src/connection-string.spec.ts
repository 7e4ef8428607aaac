import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { connectionSettings } from './connection-string.js';
import { openKurrentdbEventStore, StoreRefused } from './index.js';

function refusalOf(connectionString: string, allowInsecure = true): StoreRefused {
  try {
    openKurrentdbEventStore({ connectionString, allowInsecure });
  } catch (error) {
    if (error instanceof StoreRefused) return error;
    throw error;
  }
  throw new Error('Expected a refusal');
}

describe('a connection string', () => {
  it('that says no more than where gets what this store wants', () => {
    expect(connectionSettings('esdb://db.example:2114', false)).toEqual({
      endpoints: [{ address: 'db.example', port: 2114 }],
      discover: false,
      tls: true,
      nodePreference: 'leader',
      defaultDeadline: 10_000,
      keepAliveInterval: 10_000,
      keepAliveTimeout: 10_000,
      gossipTimeout: 2,
      connectionName: 'reseller-ledger',
    });
  });

  it('may hold every option of the client, in any case', () => {
    const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
    const [ca, cert, key] = ['ca é.crt', 'user.crt', 'user.key'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const file of [ca, cert, key]) writeFileSync(file, file);
    try {
      const settings = connectionSettings(
        `esdb://us%3Aer:p%40ss%2F%3F%25w%C3%B6rd@a.example,b.example:2114,c.example:2115/?TLS=true&tls_ca_file=${encodeURIComponent(ca)}` +
          `&user-cert-file=${cert}&userKeyFile=${key}&nodepreference=Random&maxDiscoverAttempts=3&discoveryInterval=50&gossipTimeout=4` +
          '&defaultDeadline=5000&keepAliveInterval=20000&keepAliveTimeout=15000&connectionName=ledger%201&tlsVerifyCert=true&throwOnAppendFailure=true',
        false,
      );
      expect(settings).toEqual({
        endpoints: [
          { address: 'a.example', port: 2113 },
          { address: 'b.example', port: 2114 },
          { address: 'c.example', port: 2115 },
        ],
        discover: false,
        tls: true,
        credentials: { username: 'us:er', password: 'p@ss/?%wörd' },
        rootCertificate: Buffer.from(ca),
        userCertFile: Buffer.from(cert),
        userKeyFile: Buffer.from(key),
        nodePreference: 'random',
        maxDiscoverAttempts: 3,
        discoveryInterval: 50,
        gossipTimeout: 4,
        defaultDeadline: 5_000,
        keepAliveInterval: 20_000,
        keepAliveTimeout: 15_000,
        connectionName: 'ledger 1',
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('may name a cluster by one DNS name', () => {
    expect(connectionSettings('esdb+discover://cluster.example', false)).toMatchObject({
      discover: true,
      endpoints: [{ address: 'cluster.example', port: 2113 }],
    });
  });

  it.each([
    ['nothing at all', '', /must begin with esdb/],
    ['another scheme', 'kurrentdb://a:2113', /must begin with esdb/],
    ['no host', 'esdb://?tls=true', /must stand host:port/],
    ['an empty host among others', 'esdb://a,,b', /must stand host:port/],
    ['a port that is none', 'esdb://a:99999', /must stand host:port/],
    ['a port of letters', 'esdb://a:port', /must stand host:port/],
    ['an IPv6 address', 'esdb://[::1]:2113', /IPv6/],
    ['a bare IPv6 address', 'esdb://::1', /IPv6/],
    ['an IP address although there is TLS', 'esdb://a.example,10.0.0.3:2113', /hosts must be given by name/],
    ['two names for discovery', 'esdb+discover://a,b', /one DNS name/],
    ['an option that the client does not know', 'esdb://a?tls=true&timeout=5', /no option timeout/],
    ['an option twice', 'esdb://a?tls=true&TLS=false', /tls stands there twice/],
    ['an option without a value', 'esdb://a?connectionName=', /connectionName has no value/],
    ['tls=maybe', 'esdb://a?tls=maybe', /tls must be true or false/],
    ['tlsVerifyCert=false', 'esdb://a?tlsVerifyCert=false', /tlsVerifyCert=false has no effect.*tlsCAFile/],
    ['throwOnAppendFailure=false', 'esdb://a?throwOnAppendFailure=false', /throwOnAppendFailure/],
    ['a keep-alive below ten seconds', 'esdb://a?keepAliveInterval=9999', /keepAliveInterval must be at least 10000/],
    ['no keep-alive', 'esdb://a?keepAliveTimeout=-1', /keepAliveTimeout must be at least 10000/],
    ['a deadline of nothing', 'esdb://a?defaultDeadline=0', /defaultDeadline must be a whole number/],
    ['a deadline in words', 'esdb://a?defaultDeadline=5s', /defaultDeadline must be a whole number/],
    ['a node preference of its own', 'esdb://a?nodePreference=nearest', /nodePreference must be one of leader/],
    [
      'a certificate that is not there',
      'esdb://a?tlsCAFile=/no/such/ca.crt',
      /file of tlsCAFile cannot be read \(ENOENT\)/,
    ],
    [
      'a user certificate without its key',
      `esdb://a?userCertFile=${encodeURIComponent(import.meta.filename)}`,
      /go together/,
    ],
  ])('with %s is refused, saying so', (_, connectionString, message) => {
    const refused = refusalOf(connectionString);
    expect(refused.refusal).toBe('badConnectionString');
    expect(refused.message).toMatch(message);
  });

  it('without TLS is refused unless that is allowed', () => {
    expect(refusalOf('esdb://a?tls=false', false)).toMatchObject({
      refusal: 'insecure',
      message: expect.stringContaining('tls=false'),
    });
    expect(connectionSettings('esdb://a?tls=false', true).tls).toBe(false);
  });

  it.each([
    ['esdb://admin:S3cret@word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret:word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret?word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret?word=x@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret/word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret#word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret%word@host:2113', /percent-encoded/],
    ['esdb://admin:S3cret%ff@host:2113', /no UTF-8/],
    ['esdb://S3cret@host:2113', /user:password@/],
    ['esdb://admin:S3cret@host:port', /host:port/],
    ['esdb://admin:S3cret@host?S3cret=1', /no option|percent-encoded/],
    ['esdb://admin:S3cret@host?tls=S3cret', /tls must be/],
    ['esdb://admin:S3cret@host?tls=false', /tls=false/],
    ['esdb://admin:S3cret@host?tlsVerifyCert=false', /tlsVerifyCert/],
    ['S3cret://admin:S3cret@host', /must begin/],
  ])('that is wrong (%#) never shows its password, in no error and on no terminal', (connectionString, message) => {
    const spies = (['log', 'warn', 'error'] as const).map((method) =>
      jest.spyOn(console, method).mockImplementation(() => {}),
    );
    const refused = refusalOf(connectionString, false);

    expect(refused.message).toMatch(message);
    if (!connectionString.includes('?S3cret='))
      expect(JSON.stringify([refused, refused.message, refused.stack, String(refused.cause)])).not.toContain('S3cret');
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describe('a store', () => {
  it.each(['', '$ledger.', 'a\ud800'])('with the prefix %j for its streams is refused', (streamPrefix) => {
    expect(() => openKurrentdbEventStore({ connectionString: 'esdb://a', streamPrefix })).toThrow(TypeError);
  });
});
