import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { KeysUnavailable, remoteKeySet, type KeySet } from './key-set.js';

let issuer: Server;
let asked: number;
let answer: (response: ServerResponse) => void;
let time: number;
let failures: string[];
let set: KeySet;
let jwk: JWK;

const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value));

beforeEach(async () => {
  jwk = await exportJWK((await generateKeyPair('ES256')).publicKey);
  asked = 0;
  time = 0;
  failures = [];
  answer = json({ keys: [{ ...jwk, kid: 'first' }] });
  issuer = createServer((_, response) => {
    asked++;
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  set = remoteKeySet({
    url: new URL(`http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`),
    onFailure: (reason) => failures.push(reason),
    // A busy machine must not make an answer late.
    timeoutMs: 120_000,
    now: () => time,
  });
});
afterEach(() => {
  issuer.closeAllConnections();
  issuer.close();
});

const ids = async () => {
  const keys = await set.known();
  return ['first', 'second'].filter((kid) => keys.some((key) => key.hasId(kid)));
};

describe('keys at an address', () => {
  it('are fetched once, and again in the background when they are ten minutes old', async () => {
    expect(await Promise.all([ids(), ids()])).toEqual([['first'], ['first']]);
    time = 600_000;
    await set.known();
    expect(asked).toBe(1);
    answer = json({ keys: [{ ...jwk, kid: 'second' }] });
    time++;
    // The old ones answer until the new ones are there.
    expect(await ids()).toEqual(['first']);
    await set.renew();
    expect(await ids()).toEqual(['second']);
    expect(asked).toBe(2);
  });

  it('are fetched for an unknown key at once, and then once in ten seconds', async () => {
    await set.known();
    expect(await set.renew()).toBe(true);
    for (let i = 0; i < 50; i++) expect(await set.renew()).toBe(false);
    time += 9_999;
    expect(await set.renew()).toBe(false);
    expect(asked).toBe(2);
    time += 1;
    expect(await set.renew()).toBe(true);
    expect(asked).toBe(3);
  });

  it('that cannot be fetched are not asked for again at once: after 1, 2, 4, 8, 10, 10 seconds', async () => {
    answer = (response) => void response.writeHead(503).end();
    const seconds: number[] = [];
    for (let i = 0; i < 6; i++) {
      const refused = await set.known().catch((error: KeysUnavailable) => error);
      seconds.push((refused as KeysUnavailable).retryAfterSeconds);
      await expect(set.known()).rejects.toThrow(KeysUnavailable);
      await expect(set.renew()).rejects.toThrow(KeysUnavailable);
      expect(asked).toBe(i + 1);
      time += seconds.at(-1)! * 1000;
    }
    expect(seconds).toEqual([1, 2, 4, 8, 10, 10]);
    answer = json({ keys: [{ ...jwk, kid: 'first' }] });
    expect(await ids()).toEqual(['first']);
    expect(failures).toHaveLength(6);
  });

  it('are used for an hour while the issuer is away, and not longer', async () => {
    await set.known();
    answer = (response) => void response.destroy();
    time = 3_600_000;
    expect(await ids()).toEqual(['first']);
    await expect(set.renew()).rejects.toThrow(KeysUnavailable);
    time = 3_600_000 + 60_000;
    await expect(set.known()).rejects.toThrow(KeysUnavailable);
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['a redirect', (r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /status 302/],
    ['no JSON', (r) => r.end('<html>'), /not JSON/],
    ['null', json(null), /no list of keys/],
    ['no list', json({ keys: {} }), /no list of keys/],
    ['too many keys', json({ keys: Array.from({ length: 101 }, () => ({})) }), /more than 100 keys/],
    ['too much', json({ keys: [], more: 'x'.repeat(1024 * 1024) }), /larger than 1048576 bytes/],
    [
      'too much once it is unpacked',
      (r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(4 * 1024 * 1024))),
      /larger than 1048576 bytes/,
    ],
    [
      'chunks without an end',
      (r) => {
        const more = () => {
          while (!r.destroyed && r.write('x'.repeat(65_536)));
        };
        r.on('drain', more);
        more();
      },
      /larger than 1048576 bytes/,
    ],
    ['a part only', (r) => r.writeHead(200, { 'content-length': '100' }).end('{"keys"', () => r.destroy()), /./],
  ])('are not taken from an answer of %s', async (_, given, reason) => {
    answer = given;
    await expect(set.known()).rejects.toThrow(KeysUnavailable);
    expect(failures).toEqual([expect.stringMatching(reason)]);
  });

  it('are given up when the answer takes too long', async () => {
    answer = (response) => void response.write('{"keys":[');
    const { port } = issuer.address() as AddressInfo;
    const impatient = remoteKeySet({
      url: new URL(`http://127.0.0.1:${port}`),
      onFailure: (reason) => failures.push(reason),
      timeoutMs: 50,
    });
    await expect(impatient.known()).rejects.toThrow(KeysUnavailable);
    expect(failures).toEqual(['it has not answered in time']);
  });

  it('are those that can be read; the others are passed over', async () => {
    const readable = { ...jwk, kid: 'first' };
    answer = json({ keys: [null, 'key', [], { ...readable, kid: 7 }, { ...readable, issuer: 7 }, readable] });
    expect(await set.known()).toHaveLength(1);
  });

  it('are for signatures of their algorithm only', async () => {
    const usable = async (more: JWK, alg = 'ES256') => {
      answer = json({ keys: [{ ...jwk, ...more }] });
      time += 10_000;
      await set.renew();
      const [key] = await set.known();
      return key!.forAlgorithm(alg).then(
        () => true,
        () => false,
      );
    };
    expect(await usable({})).toBe(true);
    expect(await usable({ use: 'sig', alg: 'ES256' })).toBe(true);
    expect(await usable({ use: 'enc' })).toBe(false);
    expect(await usable({ key_ops: ['encrypt'] })).toBe(false);
    expect(await usable({ alg: 'ES384' })).toBe(false);
    expect(await usable({}, 'RS256')).toBe(false);
    expect(await usable({ kty: 'oct', k: 'AAAA' })).toBe(false);
    // A private key, which the issuer has published by mistake.
    expect(await usable({ d: 'AAAA' })).toBe(false);
  });
});
