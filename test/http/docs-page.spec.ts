import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runServer, type RunningServer } from './running-server.js';

// The page itself is driven in test/browser.

describe('the docs page', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer({ until: 'live' });
  });
  afterAll(() => server.end());

  it.each(['/docs', '/docs/', '/docs/index.html'])('needs nothing from elsewhere at %s', async (path) => {
    const page = await (await fetch(`${server.url}${path}`)).text();
    const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part).toMatch(/^\.?\//);
      expect((await fetch(new URL(part, `${server.url}${path}`))).status).toBe(200);
    }
    const start = await (await fetch(`${server.url}/docs/start.js`)).text();
    for (const [, part] of start.matchAll(/ from '([^']+)'/g))
      expect((await fetch(new URL(part!, `${server.url}/docs/start.js`))).status).toBe(200);
  });

  it('runs and loads nothing but its own, and stands in no frame', async () => {
    for (const path of ['/docs', '/docs/', '/docs/start.js', '/docs/swagger-ui.css']) {
      const { headers } = await fetch(`${server.url}${path}`);
      const policy = headers.get('content-security-policy')!;
      expect(policy).toMatch(/default-src 'none'; .*frame-ancestors 'none'/);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    const page = await (await fetch(`${server.url}/docs`)).text();
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/);
  });

  it.each(['GET', 'HEAD'])('is where %s / leads', async (method) => {
    const answer = await fetch(`${server.url}/`, { method, redirect: 'manual' });
    expect(answer.status).toBe(302);
    // Relative: whoever comes through a proxy stays below its path.
    expect(answer.headers.get('location')).toBe('docs');
    expect((await fetch(`${server.url}/?from=a-proxy`, { method })).url).toBe(`${server.url}/docs`);
  });

  it('is not there for other methods', async () => {
    const answer = await server.send('/', { method: 'POST', as: null, key: null });
    expect(answer).toMatchObject({ status: 405, code: 'MethodNotAllowed' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

describe('a server without the docs page', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer({ env: { DOCS: 'off' }, until: 'live' });
  });
  afterAll(() => server.end());

  it('answers its addresses as those where nothing is, and says nothing of it', async () => {
    const { body: nothing } = await server.get('/nothing', { as: null });
    for (const path of ['/', '/docs', '/docs/', '/docs/index.html', '/docs/start.js', '/docs/swagger-ui-bundle.js'])
      expect(await server.get(path, { as: null })).toMatchObject({
        status: 404,
        body: { code: nothing.code, detail: nothing.detail },
      });
    expect(server.output()).not.toContain('/docs');
    expect(nothing.detail).not.toContain('/docs');
  });

  it('still tells its routes', async () => {
    expect((await server.get('/openapi.json', { as: null })).body).toMatchObject({ openapi: '3.1.0' });
  });
});

describe('the link that signs in', () => {
  const linkIn = (output: string) => /http\S+\/docs#token=(\S+)/.exec(output)?.[1];
  const byNpm = { npm_lifecycle_event: 'start' };

  it('is printed for the person who starts a server with its own key, and its token is in no line of the log', async () => {
    const server = await runServer({ env: { ...byNpm, LOG_LEVEL: 'debug' } });
    try {
      const token = linkIn(server.output())!;
      const { status } = await server.get('/v1/customers', { as: token });
      expect(status).toBe(200);
      await server.stop();
      expect(server.output()).toContain('"route":"/v1/customers"');
      expect(server.output().split(token).length).toBe(2);
    } finally {
      await server.end();
    }
  });

  it.each<[string, Record<string, string>]>([
    ['a service or a container', {}],
    ['a server that other machines reach', { ...byNpm, HOST: '0.0.0.0', ALLOW_EMBEDDED_KEY: 'true' }],
    ['a server without the docs page', { ...byNpm, DOCS: 'off' }],
    [
      'a server with an issuer',
      { ...byNpm, JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'ledger' },
    ],
  ])('is not printed by %s', async (_, env) => {
    const server = await runServer({ env, until: 'live' });
    await server.end();
    expect(server.output()).toContain('listens on');
    expect(server.output()).not.toContain('token=');
  });
});
