import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { codingFor, FixedDocument } from './fixed-document.js';
import { Problem } from './problem.js';

const text = JSON.stringify(Array.from({ length: 500 }, (_, index) => ({ index, name: 'Contoso Bakery' })));
let server: FastifyInstance;
let made: number;

beforeEach(() => {
  made = 0;
  server = fastify();
  server.setErrorHandler((error, _, reply) => {
    if (!(error instanceof Problem)) throw error;
    return reply.code(error.status).headers(error.headers).send({ code: error.code });
  });
  for (const [path, body] of [
    ['/large', text],
    ['/small', '{}'],
  ] as const) {
    const document = new FixedDocument('application/json', 300, () => {
      made++;
      return body;
    });
    server.get(path, async (_, reply) => {
      await document.sendTo(reply);
      return reply;
    });
  }
});
afterEach(() => server.close());

const get = (headers: Record<string, string> = {}, url = '/large', method: 'GET' | 'HEAD' = 'GET') =>
  server.inject({ method, url, headers });
const decoded: Readonly<Record<string, (bytes: Buffer) => string>> = {
  br: (bytes) => brotliDecompressSync(bytes).toString(),
  gzip: (bytes) => gunzipSync(bytes).toString(),
  identity: (bytes) => bytes.toString(),
};

describe('a fixed document', () => {
  it('is made once, for every caller and every coding', async () => {
    const codings = ['br', 'gzip', 'identity', 'br', 'gzip', 'identity'];
    await Promise.all([...codings, ...codings].map((coding) => get({ 'accept-encoding': coding })));
    expect(made).toBe(1);
  });

  it.each(['br', 'gzip', 'identity'])('has in %s the same text, with a strong tag of its own', async (coding) => {
    const { statusCode, headers, rawPayload } = await get({ 'accept-encoding': coding });
    expect(statusCode).toBe(200);
    expect(headers['content-encoding']).toBe(coding === 'identity' ? undefined : coding);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=300',
      vary: 'Accept-Encoding',
      'content-length': String(rawPayload.length),
    });
    expect(decoded[coding]!(rawPayload)).toBe(text);
    expect(headers.etag).toMatch(coding === 'identity' ? /^"[\w-]{22}"$/ : new RegExp(`^"[\\w-]{22}-${coding}"$`));
  });

  it('is not sent again to a caller that has it in that coding', async () => {
    const { headers } = await get({ 'accept-encoding': 'gzip' });
    const tag = headers.etag!;
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await get({ 'accept-encoding': 'gzip', 'if-none-match': known });
      expect(again.statusCode).toBe(304);
      expect(again.rawPayload).toHaveLength(0);
      expect(again.headers).toMatchObject({
        etag: tag,
        'cache-control': 'public, max-age=300',
        vary: 'Accept-Encoding',
      });
    }
    expect((await get({ 'accept-encoding': 'br', 'if-none-match': tag })).statusCode).toBe(200);
    expect((await get({ 'accept-encoding': 'gzip', 'if-none-match': 'nonsense' })).statusCode).toBe(400);
  });

  it('answers HEAD as it answers GET, without the bytes', async () => {
    for (const coding of ['br', 'identity']) {
      const whole = await get({ 'accept-encoding': coding });
      const head = await get({ 'accept-encoding': coding }, '/large', 'HEAD');
      expect(head.rawPayload).toHaveLength(0);
      for (const name of ['etag', 'content-length', 'content-encoding', 'content-type', 'vary'])
        expect(head.headers[name]).toBe(whole.headers[name]);
    }
  });

  it('is sent as it is where compressing is not worth it, unless that is refused', async () => {
    expect((await get({ 'accept-encoding': 'br, gzip' }, '/small')).headers['content-encoding']).toBeUndefined();
    const forced = await get({ 'accept-encoding': 'gzip, identity;q=0' }, '/small');
    expect(gunzipSync(forced.rawPayload).toString()).toBe('{}');
  });

  it('is refused to a caller that accepts no coding', async () => {
    const refused = await get({ 'accept-encoding': 'identity;q=0, compress' });
    expect([refused.statusCode, refused.json()]).toEqual([406, { code: 'NotAcceptable' }]);
    expect(refused.headers['accept-encoding']).toBe('br, gzip, identity');
  });
});

it.each<[string | undefined, string | undefined]>([
  [undefined, 'identity'],
  ['', 'identity'],
  ['*', 'br'],
  ['gzip', 'gzip'],
  ['GZip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['br;q=0.5, gzip', 'gzip'],
  ['br;q=0, gzip;q=0.1', 'gzip'],
  ['br;q=0.2, gzip;q=0.3, identity', 'identity'],
  ['deflate', 'identity'],
  ['identity', 'identity'],
  ['identity;q=0', undefined],
  ['identity;q=0, *', 'br'],
  ['*;q=0', undefined],
  ['*;q=0, gzip', 'gzip'],
  ['*;q=0, identity', 'identity'],
  ['br;q=2', 'identity'],
  ['gzip ; q=0.0', 'identity'],
])('Accept-Encoding: %s is answered in %s', (accepted, coding) => {
  expect(codingFor(accepted, true)).toBe(coding);
});
