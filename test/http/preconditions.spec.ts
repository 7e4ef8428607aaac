import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { customerPath, establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

jest.setTimeout(60_000);

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

  it('is its revision and the form that it is shown in', async () => {
    const { body } = await read();
    expect(etag).toBe(`"${body.revision}.1"`);
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
    ['none of several', '"0.1", "1.1"', 412],
    ['the form of another release', '"CURRENT_REVISION.2"', 412],
    ['somebody else’s', '"abc"', 412],
    ['a weak one', 'W/CURRENT', 400],
    ['one without quotes', '7.1', 400],
  ])('as %s: %s', async (_, header, status) => {
    const { headers, body } = await read();
    const sent = header.replace('CURRENT_REVISION', body.revision).replace('CURRENT', headers.get('etag')!);
    expect((await rename(`Name ${Math.random()}`, { 'if-match': sent })).status).toBe(status);
  });

  it('is asked for by a removal', async () => {
    const without = await server.post(`${path}/reseller-relationship/remove`);
    expect(without).toMatchObject({ status: 428, code: 'PreconditionRequired' });
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
