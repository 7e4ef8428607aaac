import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { partnerWideLists } from '../lists.js';
import { establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

describe('a query that names a position', () => {
  let server: RunningServer;
  let path: string;
  let ledger: string;

  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
    ledger = /;ledger="[^"]*"/.exec(positionOf(await server.post(`${path}/subscriptions`, subscription('kept'))))![0];
  });
  afterAll(() => server.end());

  const positionOf = ({ headers }: { readonly headers: Headers }) => headers.get('ledger-position')!;
  const after = (position: string, prefer = 'wait=20') => ({ headers: { 'ledger-position': position, prefer } });
  const singles = ['reseller-relationship', 'reseller-relationship/removal-readiness', 'subscriptions/kept'];

  it.each(partnerWideLists)(
    'is answered by %s with what that command has written, or passed over by the view',
    async (list) => {
      // Each of them passes over one of these.
      for (const [about, body] of [
        ['profile/update', { name: `Renamed for ${list}` }],
        ['subscriptions/kept/suspend', { reason: 'customerRequest' }],
        ['subscriptions/kept/reactivate', {}],
      ] as const) {
        const written = await server.post(`${path}/${about}`, body);
        expect(written.status).toBe(200);
        const listed = await server.get(list, after(positionOf(written)));
        expect(listed.status).toBe(200);
        expect(Number(listed.body.position)).toBeGreaterThanOrEqual(Number(written.body.position));
        expect(Date.parse(listed.body.asOf)).not.toBeNaN();
      }
    },
  );

  it('of a refusal is answered with all that the refusal rests on', async () => {
    const before = await server.get(`${path}/reseller-relationship`);
    const refused = await server.post(`${path}/subscriptions`, subscription('kept'));
    expect([refused.status, refused.code]).toEqual([409, 'ItemAlreadyExists']);
    expect(positionOf(refused)).toBe(positionOf(before));
    const { status, body } = await server.get('/v1/items', after(positionOf(refused)));
    expect(status).toBe(200);
    expect(body.items.map(({ itemId }: any) => itemId)).toContain('kept');
  });

  it('goes on to what no list shows: the views pass over refusals on record', async () => {
    await server.post(`${path}/subscriptions`, subscription('kept'));
    const { position } = (await server.get(`${path}/reseller-relationship`)).body;
    // The refusal stands after everything that any list shows, and is what the log ends with.
    for (const list of partnerWideLists) {
      let reached = 0;
      await eventually(
        () => `${list} goes beyond ${position} and does not stay at ${reached}`,
        async () => (reached = Number((await server.get(list)).body.position)) > Number(position),
      );
      expect((await server.get(list, after(`${reached}${ledger}`))).status).toBe(200);
    }
  });

  it.each(singles)('is answered at once by what is folded from the log: %s', async (single) => {
    const written = await server.post(`${path}/profile/update`, { name: `Read by ${single}` });
    const read = await server.get(`${path}/${single}`, after(positionOf(written), 'wait=0'));
    expect(read.status).toBe(200);
    expect(positionOf(read)).toBe(positionOf(written));
  });

  it.each([...partnerWideLists, ...singles])(
    'of another ledger, or beyond the end of this one, is refused at once: %s',
    async (at) => {
      const url = at.startsWith('/') ? at : `${path}/${at}`;
      const { position } = (await server.get(`${path}/reseller-relationship`)).body;
      const beyond = String(Number(position) + 1_000_000);
      for (const [sent, reason] of [
        [`${beyond}${ledger}`, 'beyondHead'],
        [`${position};ledger="${newCustomer()}"`, 'anotherLedger'],
      ] as const)
        expect(await server.get(url, after(sent))).toMatchObject({
          status: 400,
          code: 'LedgerPositionUnknown',
          body: { reason },
        });
      expect(await server.get(url, after('12'))).toMatchObject({ status: 400, code: 'InvalidHeader' });
    },
  );
});
