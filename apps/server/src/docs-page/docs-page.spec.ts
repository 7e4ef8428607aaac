import { describe, expect, it } from '@jest/globals';
import { FilledIn, type PageRequest } from './filled-in.js';
import { resolvedPart, shownDocument } from './shown-document.js';
import { keepToken, keptToken, tokenInLink, type Shelf } from './sign-in.js';

const base = 'http://127.0.0.1:3000/v1/customers/6F9619FF-8b86-4d01-b42d-00cf4fc964ff';
const post = (path: string, headers: Record<string, string> = {}, body?: string): PageRequest => ({
  url: `${base}${path}`,
  method: 'POST',
  headers,
  body,
});

describe('what the docs page fills in', () => {
  const filledIn = () => {
    let made = 0;
    return new FilledIn(() => `key-${++made}`);
  };

  it('is a new key for every command that has none', () => {
    const page = filledIn();
    const [first, second, own] = [
      post('/agreement/confirm'),
      post('/agreement/confirm'),
      post('/x', { 'idempotency-key': 'mine' }),
    ];
    for (const request of [first, second, own]) page.fill(request);
    expect(first.headers).toEqual({ 'Idempotency-Key': 'key-1' });
    expect(second.headers).toEqual({ 'Idempotency-Key': 'key-2' });
    expect(own.headers).toEqual({ 'idempotency-key': 'mine' });
  });

  it('is nothing for what is read, and for a dry run', () => {
    const page = filledIn();
    const read = { ...post('/items'), method: 'GET' };
    const dry = post('/agreement/confirm?dryRun=true');
    for (const request of [read, dry]) page.fill(request);
    expect([read.headers, dry.headers]).toEqual([{}, {}]);
  });

  it('is a key for each command of a bulk that has none', () => {
    const page = filledIn();
    const bulk = (body: string) => ({ ...post(''), url: 'http://127.0.0.1:3000/v1/commands', body });
    const request = bulk('{"items":[{"command":"A"},{"command":"B","idempotencyKey":"mine"},7]}');
    page.fill(request);
    expect(JSON.parse(request.body)).toEqual({
      items: [{ command: 'A', idempotencyKey: 'key-1' }, { command: 'B', idempotencyKey: 'mine' }, 7],
    });
    expect(request.headers).toEqual({});
    for (const broken of ['{', '7', 'null', '{"items":7}']) {
      const left = bulk(broken);
      page.fill(left);
      expect(left.body).toBe(broken);
    }
  });

  it('is the tag of the relationship as last seen, for its removal alone', () => {
    const page = filledIn();
    const note = (path: string, etag?: string) => page.note({ url: `${base}${path}`, headers: { etag } });
    note('/subscriptions/sub-0001/cancel', '"7.1"');
    note('/items?asOf=2026-01-01', '"list"');
    note('/items', '"list"');
    note('/reseller-relationship?asOfRevision=1', '"past"');
    note('/reseller-relationship/removal-readiness');
    const removal = post('/reseller-relationship/remove');
    const other = post('/agreement/confirm');
    const own = post('/reseller-relationship/remove', { 'If-Match': '*' });
    const foreign: PageRequest = { ...removal, headers: {}, url: removal.url.replace('6F96', '7F96') };
    for (const request of [removal, other, own, foreign]) page.fill(request);
    expect([removal, other, own, foreign].map(({ headers }) => headers['If-Match'])).toEqual([
      '"7.1"',
      undefined,
      '*',
      undefined,
    ]);
  });
});

describe('a token at the docs page', () => {
  const shelf = (): Shelf => {
    const kept = new Map<string, string>();
    return {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    };
  };
  const token = `e30.${Buffer.from('{"exp":100}').toString('base64url')}.c2ln`;

  it('comes with a link, and from no other fragment', () => {
    expect(tokenInLink(`#token=${token}`)).toBe(token);
    for (const other of ['', '#/subscriptions', '#token=', '#token=a.b', `#/x#token=${token}`, '#token=a.b.<c>'])
      expect(tokenInLink(other)).toBeUndefined();
  });

  it('is kept until it ends or is given up', () => {
    const own = shelf();
    expect(keptToken(own, 0)).toBeUndefined();
    keepToken(own, token);
    expect(keptToken(own, 99_999)).toBe(token);
    expect(keptToken(own, 100_000)).toBeUndefined();
    keepToken(own, undefined);
    expect(keptToken(own, 0)).toBeUndefined();
    keepToken(own, 'no token');
    expect(keptToken(own, 0)).toBeUndefined();
  });
});

describe('the document at the docs page', () => {
  const document = () => ({
    servers: [{ url: 'http://elsewhere' }],
    paths: {
      '/v1/events': { get: { responses: { 200: { content: { 'application/json': {}, 'text/event-stream': {} } } } } },
    },
    components: {
      parameters: {
        Key: { name: 'Idempotency-Key', description: 'New.' },
        Limit: { name: 'limit', description: 'Most.' },
      },
      responses: { Gone: {} },
      securitySchemes: { bearer: { description: 'A token.' } },
      schemas: {
        Customer: {
          properties: {
            name: { $ref: '#/components/schemas/Name' },
            parent: { $ref: '#/components/schemas/Customer' },
          },
        },
        Name: { type: 'string' },
      },
    },
  });

  it.each([
    ['', '/'],
    ['/ledger', '/ledger'],
  ])('asks the server that it comes from, below %j', (below, url) => {
    expect(shownDocument(document(), below)['servers']).toEqual([{ url }]);
  });

  it('offers no answer without an end, and says what is filled in and how to sign in', () => {
    const shown = shownDocument(document(), '') as unknown as ReturnType<typeof document>;
    expect(Object.keys(shown.paths['/v1/events'].get.responses[200].content)).toEqual(['application/json']);
    expect(shown.components.parameters.Key.description).toMatch(/^New\. .*makes a new one/);
    expect(shown.components.parameters.Limit.description).toBe('Most.');
    expect(shown.components.securitySchemes.bearer.description).toMatch(/^A token\.[^]*npm run token/);
  });

  it('has in each part what its references lead to, and an end', () => {
    const { schemas } = document().components;
    expect(resolvedPart(document(), ['components', 'schemas', 'Customer'])).toEqual({
      properties: {
        name: { ...schemas.Name, $$ref: '#/components/schemas/Name' },
        parent: {
          $$ref: '#/components/schemas/Customer',
          properties: {
            name: { ...schemas.Name, $$ref: '#/components/schemas/Name' },
            parent: { $ref: '#/components/schemas/Customer' },
          },
        },
      },
    });
    expect(resolvedPart(document(), ['components', 'nothing'])).toBeUndefined();
  });
});
