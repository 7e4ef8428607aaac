import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bodyOf, openapi } from './contract.js';
import {
  customerPath,
  establish,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type RunningServer,
} from './running-server.js';

describe('a relationship’s tag', () => {
  let server: RunningServer;
  let path: string;
  let etag: string;
  const read = (headers: Record<string, string> = {}) => server.get(`${path}/reseller-relationship`, { headers });
  const rename = (name: string, headers: Record<string, string>) =>
    server.post(`${path}/profile/update`, { name }, { headers });

  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
    etag = (await read()).headers.get('etag')!;
  });
  afterAll(() => server.end());

  it('is its revision, the form that it is shown in, and its partner', async () => {
    const { body } = await read();
    expect(etag).toMatch(new RegExp(`^"${body.revision}\\.1\\.[\\w-]+"$`));
  });

  it('spares a reader what it has', async () => {
    for (const header of [etag, `W/${etag}`, `"0.1", ${etag}`, '*']) {
      const unchanged = await read({ 'if-none-match': header });
      expect([unchanged.status, unchanged.body, unchanged.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await read({ 'if-none-match': '"0.1"' })).status).toBe(200);
    expect(await read({ 'if-none-match': 'nonsense' })).toMatchObject({ status: 400, code: 'InvalidHeader' });
    // An item has the tag of its relationship, so that it can be sent with a command.
    await server.post(`${path}/subscriptions`, subscription('tagged'));
    const item = await server.get(`${path}/subscriptions/tagged`);
    expect(item.headers.get('etag')).toBe((await read()).headers.get('etag'));
  });

  it('keeps a command from what its sender has not seen', async () => {
    const seen = (await read()).headers.get('etag')!;
    const mine = await rename('Mine', { 'if-match': seen });
    expect(mine.status).toBe(200);
    const theirs = await rename('Theirs', { 'if-match': seen });
    expect(theirs).toMatchObject({ status: 412, code: 'PreconditionFailed', body: { revision: mine.body.revision } });
    expect(theirs.headers.get('etag')).toBe(mine.headers.get('etag'));
    expect((await rename('Theirs', { 'if-match': theirs.headers.get('etag')! })).status).toBe(200);
  });

  it.each([
    ['any', '*', 200],
    ['one of several', '"0.1", CURRENT', 200],
    ['one of several, some of them empty', ',, CURRENT ,"0.1",', 200],
    ['none of several', '"0.1", "1.1"', 412],
    ['the form of an earlier release', '"CURRENT_REVISION.1"', 412],
    ['another partner’s', '"CURRENT_REVISION.1.0123456789"', 412],
    ['another’s', '"abc"', 412],
    ['a weak one', 'W/CURRENT', 412],
    ['one of several, some of them weak', 'W/"0.1", CURRENT', 200],
    ['nothing', '', 412],
    ['no list', '*, CURRENT', 400],
    ['one without quotes', '7.1', 400],
  ])('as %s: %s', async (_, header, status) => {
    const { headers, body } = await read();
    const sent = header.replace('CURRENT_REVISION', body.revision).replace('CURRENT', headers.get('etag')!);
    expect((await rename(`Name ${Math.random()}`, { 'if-match': sent })).status).toBe(status);
  });

  it.each([
    ['anything', '*', 412],
    ['what is there', 'CURRENT', 412],
    ['what is there, weakly', '"0.1", W/CURRENT', 412],
    ['what was there', '"0.1.x", "0.1"', 200],
    ['nothing', '', 200],
    ['no list', '"0.1", *', 400],
  ])('as If-None-Match with %s: %s', async (_, header, status) => {
    const { headers, body } = await read();
    const sent = { 'if-none-match': header.replace('CURRENT', headers.get('etag')!) };
    for (const dryRun of ['?dryRun=true', '']) {
      const { status: was, ...answered } = await server.post(
        `${path}/profile/update${dryRun}`,
        { name: `Name ${Math.random()}` },
        { headers: sent },
      );
      expect(was).toBe(status);
      if (status !== 412) continue;
      expect(answered).toMatchObject({
        code: 'PreconditionFailed',
        body: { revision: body.revision, errors: [{ pointer: 'If-None-Match' }] },
      });
      expect(answered.headers.get('etag')).toBe(headers.get('etag'));
    }
  });

  it('lets a relationship come into being that nobody has made, and a retry be answered', async () => {
    const customerId = newCustomer();
    const send = (key?: string) =>
      server.post(
        `${customerPath(customerId)}/reseller-relationship/request`,
        { customer: { name: 'Fabrikam' }, market: 'US' },
        { headers: { 'if-none-match': '*' }, ...(key ? { key } : {}) },
      );
    expect((await send('the-first')).status).toBe(200);
    const again = await send('the-first');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(await send()).toMatchObject({ status: 412, body: { errors: [{ pointer: 'If-None-Match' }] } });
  });

  it('counts for questions as for commands: If-Match first, then If-None-Match', async () => {
    await server.post(`${path}/subscriptions`, subscription('asked'));
    const tag = (await read()).headers.get('etag')!;
    const then = `${path}/reseller-relationship?asOfRevision=0`;
    const tagThen = (await server.get(then)).headers.get('etag')!;
    const asked = async (url: string, headers: Record<string, string>) => (await server.get(url, { headers })).status;
    for (const url of [`${path}/reseller-relationship`, `${path}/subscriptions/asked`]) {
      for (const named of [tag, `"0.1", ${tag}`, '*']) {
        expect(await asked(url, { 'if-match': named })).toBe(200);
        expect(await asked(url, { 'if-match': named, 'if-none-match': tag })).toBe(304);
      }
      for (const named of ['"0.1"', `W/${tag}`, tagThen, ''])
        expect(await asked(url, { 'if-match': named, 'if-none-match': tag })).toBe(412);
      expect(await asked(url, { 'if-match': 'odd' })).toBe(400);
    }
    expect(await asked(then, { 'if-match': tagThen })).toBe(200);
    expect(await asked(then, { 'if-match': tag })).toBe(412);
    // What has no tag, or a weak one, matches none.
    for (const below of ['reseller-relationship/removal-readiness', 'events', 'delegated-admin'])
      for (const [named, status] of [
        ['*', 200],
        [tag, 412],
      ] as const)
        expect([below, await asked(`${path}/${below}`, { 'if-match': named })]).toEqual([below, status]);
    expect(await asked(`${path}/subscriptions/none`, { 'if-match': tag })).toBe(404);
    const live = await server.get(`${path}/events`, { headers: { accept: 'text/event-stream', 'if-match': tag } });
    expect(live).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  });

  it('is asked for by a removal', async () => {
    for (const headers of [{}, { 'if-none-match': '"0.1"' }, { 'if-none-match': '*' }] as Record<string, string>[])
      expect(await server.post(`${path}/reseller-relationship/remove`, {}, { headers })).toMatchObject({
        status: 428,
        code: 'PreconditionRequired',
      });
    const stale = await server.post(`${path}/reseller-relationship/remove`, {}, { headers: { 'if-match': '"0.1"' } });
    expect(stale).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  });

  it('comes after the relationship: what is not there is not found, whatever was sent with it', async () => {
    const nowhere = customerPath(newCustomer());
    for (const headers of [{}, { 'if-match': '*' }, { 'if-match': etag }] as Record<string, string>[])
      expect(await server.post(`${nowhere}/reseller-relationship/remove`, {}, { headers })).toMatchObject({
        status: 404,
        code: 'RelationshipNotFound',
      });
    // Only a request could succeed there, and it was to find something.
    const request = { customer: { name: 'Fabrikam' }, market: 'US' };
    expect(
      await server.post(`${nowhere}/reseller-relationship/request`, request, { headers: { 'if-match': '*' } }),
    ).toMatchObject({ status: 412, code: 'PreconditionFailed', body: { revision: null } });
  });

  it('is not given to what depends on the clock', async () => {
    const readiness = await server.get(`${path}/reseller-relationship/removal-readiness`, {
      headers: { 'if-none-match': '*' },
    });
    expect([readiness.status, readiness.headers.get('etag'), readiness.headers.get('cache-control')]).toEqual([
      200,
      null,
      'no-store',
    ]);
  });
});

type Json = Record<string, any>;

describe('what the document says of preconditions', () => {
  let server: RunningServer;
  let customerId: string;
  let path: string;
  beforeAll(async () => {
    server = await runServer();
    customerId = newCustomer();
    path = await establish(server, customerId);
  });
  afterAll(() => server.end());

  const parametersOf = (operation: Json) =>
    ((operation['parameters'] ?? []) as Json[]).flatMap(({ $ref }) => ($ref ? [String($ref).split('/').at(-1)!] : []));
  const operationsOf = (method: string) =>
    Object.entries(openapi['paths'] as Json)
      .filter(([template]) => template.startsWith('/v1/'))
      .flatMap(([template, operations]) =>
        (operations as Json)[method] ? [{ template, operation: (operations as Json)[method] as Json }] : [],
      );
  const filled = (template: string) =>
    template
      .replace('{customerId}', customerId)
      .replace('{partnerId}', northwind)
      .replace(/\{\w+\}/g, 'nothing');
  const current = async () => (await server.get(`${path}/reseller-relationship`)).headers;

  it('is so of every command: what was not seen is not changed, and the answer says what there is to see', async () => {
    const commands = operationsOf('post').filter(({ operation }) => parametersOf(operation).includes('IdempotencyKey'));
    expect(commands.length).toBeGreaterThan(80);
    const now = await current();
    for (const { template, operation } of commands) {
      const { example } = bodyOf(operation);
      const send = (ifMatch: string) => server.post(filled(template), example, { headers: { 'if-match': ifMatch } });
      const stale = await send('"0.1"');
      expect([template, stale.status, stale.code, stale.body.revision]).toEqual([
        template,
        412,
        'PreconditionFailed',
        2,
      ]);
      for (const name of ['etag', 'ledger-position']) expect(stale.headers.get(name)).toBe(now.get(name));
      expect(parametersOf(operation).some((name) => name.startsWith('IfMatch'))).toBe(true);
    }
    expect((await current()).get('etag')).toBe(now.get('etag'));
  });

  it('is so of the command that must not be sent blindly', async () => {
    const needing = operationsOf('post').filter(({ operation }) => parametersOf(operation).includes('IfMatchRequired'));
    expect(needing.map(({ template }) => template)).toEqual([
      '/v1/customers/{customerId}/reseller-relationship/remove',
      '/v1/partners/{partnerId}/customers/{customerId}/reseller-relationship/remove',
    ]);
    for (const { template } of needing)
      expect(await server.post(filled(template))).toMatchObject({ status: 428, code: 'PreconditionRequired' });
  });

  it('is so of every list: it has a tag that spares the reader, or changes with the clock and has none', async () => {
    const lists = operationsOf('get').filter(({ operation }) => parametersOf(operation).includes('Prefer'));
    expect(lists.length).toBeGreaterThan(8);
    for (const { template, operation } of lists) {
      const url = filled(template);
      const read = (query: string, headers: Record<string, string> = {}) => server.get(`${url}${query}`, { headers });
      const { status, headers } = await read('');
      const tag = headers.get('etag');
      expect([template, status]).toEqual([template, 200]);
      if (!parametersOf(operation).includes('IfNoneMatch')) {
        // As it stands now it is never spared, though it may be as it stood.
        expect([template, tag, headers.get('cache-control')]).toEqual([template, null, 'no-store']);
        expect((await read('', { 'if-none-match': '*' })).status).toBe(200);
        continue;
      }
      expect(tag).toMatch(/^W\/"/);
      for (const sent of [tag!, tag!.slice(2), `"0.1", ${tag!}`, '*'])
        expect([template, (await read('', { 'if-none-match': sent })).status]).toEqual([template, 304]);
      // The tag is of the query too.
      expect((await read('?limit=7', { 'if-none-match': tag! })).status).toBe(200);
    }
  });

  it('is so of every item: it has the tag of its relationship', async () => {
    await server.post(`${path}/subscriptions`, subscription('nothing'));
    const tag = (await current()).get('etag')!;
    for (const base of [path, pairPath(northwind, customerId)]) {
      const url = `${base}/subscriptions/nothing`;
      expect((await server.get(url)).headers.get('etag')).toBe(tag);
      const unchanged = await server.get(url, { headers: { 'if-none-match': tag } });
      expect([unchanged.status, unchanged.headers.get('etag')]).toEqual([304, tag]);
      expect((await server.get(url, { headers: { 'if-none-match': '"0.1"' } })).status).toBe(200);
    }
    const items = operationsOf('get').filter(({ template }) => /\/(\{\w+Id\})$/.test(template));
    for (const { template, operation } of items)
      if (!/operations|explanations/.test(template))
        expect([template, parametersOf(operation).includes('IfNoneMatch')]).toEqual([template, true]);
  });
});
