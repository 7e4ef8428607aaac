import { describe, expect, it } from '@jest/globals';
import type { Actor, Partner, Role } from '#customer-relationship';
import { Problem } from '#http';
import type { PastStatus, PastView } from '../as-of/past-views.js';
import type { Requester } from '../requester.js';
import { endedWithin, Operations } from './operations.js';

function operations() {
  const all = new Operations();
  return { follow: all.follow.bind(all), find: all.find.bind(all), cancel: all.cancel.bind(all) };
}

/** A view that ends when the test ends it, and the number of its holders. */
function comingView() {
  const ended = Promise.withResolvers<void>();
  const view = {
    views: ['items'] as const,
    until: { position: 7 },
    status: 'running' as PastStatus,
    position: 3,
    startedAt: '2026-11-22T10:00:00.000Z',
    endedAt: undefined as string | undefined,
    error: undefined as Error | undefined,
    ended: ended.promise,
  };
  let held = 0;
  return {
    past: view as PastView,
    holders: () => held,
    share: () => {
      held++;
      let holding = 1;
      return {
        past: view as PastView,
        release() {
          held -= holding;
          holding = 0;
        },
      };
    },
    async end(status: PastStatus, error?: Error) {
      view.status = status;
      view.error = error;
      view.endedAt = '2026-11-22T10:00:09.000Z';
      ended.resolve();
      await ended.promise;
    },
  };
}

const partner = (tenantId: string): Partner => ({
  tenantId,
  partnerId: '1',
  name: 'Contoso',
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [],
});
const requesterOf = (
  tenant: string,
  kind: Actor['kind'] = 'partnerUser',
  customerId = '',
  { id = 'ada', roles = [] }: Partial<Actor> = {},
): Requester => ({
  actor: { id, kind, roles, tenant },
  partner: partner(tenant),
  customerId,
  stream: '',
});
const contoso = requesterOf('contoso');
const fabrikam = requesterOf('fabrikam');
const code = (ask: () => unknown) => {
  try {
    ask();
    return 'none';
  } catch (error) {
    return (error as Problem).code;
  }
};

describe('An operation', () => {
  it('is the same for the same question, and holds its view until the end', async () => {
    const { follow, find } = operations();
    const coming = comingView();
    const first = follow(coming.past, coming, { requester: contoso, href: '/v1/items?asOfPosition=7' });
    expect(follow(coming.past, coming, { requester: contoso, href: '/v1/items?asOfPosition=7' }).id).toBe(first.id);
    const other = follow(coming.past, coming, { requester: contoso, href: '/v1/items?asOfPosition=7&limit=2' });
    expect(other.id).not.toBe(first.id);
    expect(coming.holders()).toBe(2);
    expect(first.shown()).toMatchObject({
      status: 'running',
      endedAt: null,
      result: null,
      steps: [
        { name: 'wait', status: 'succeeded' },
        { name: 'project', status: 'running', position: '3', until: '7' },
      ],
    });
    await coming.end('succeeded');
    expect(coming.holders()).toBe(0);
    expect(find(contoso, first.id).shown()).toMatchObject({
      status: 'succeeded',
      endedAt: '2026-11-22T10:00:09.000Z',
      error: null,
      result: { href: '/v1/items?asOfPosition=7' },
    });
  });

  it('belongs to the partner or customer whose people started it', () => {
    const { follow, find } = operations();
    const coming = comingView();
    const customer = requesterOf('contoso', 'customerUser', 'fabrikam');
    const { id } = follow(coming.past, coming, { requester: contoso, href: '/a' });
    const theirs = follow(coming.past, coming, { requester: customer, href: '/a' });
    expect(theirs.id).not.toBe(id);
    const seen: readonly [Requester, readonly string[]][] = [
      [contoso, [id]],
      [customer, [theirs.id]],
      [requesterOf('northwind'), []],
      [requesterOf('contoso', 'customerUser', 'adatum'), []],
    ];
    for (const [requester, sees] of seen)
      for (const each of [id, theirs.id])
        expect(code(() => find(requester, each))).toBe(sees.includes(each) ? 'none' : 'OperationNotFound');
  });

  it('that is cancelled releases its view, and starts over when it is asked for again', async () => {
    const { follow, cancel, find } = operations();
    const coming = comingView();
    const { id } = follow(coming.past, coming, { requester: contoso, href: '/a' });
    const other = follow(coming.past, coming, { requester: contoso, href: '/b' });
    expect(cancel(contoso, id).shown()).toMatchObject({ status: 'cancelled', result: null });
    cancel(contoso, id);
    expect(coming.holders()).toBe(1);
    expect(await endedWithin(find(contoso, id), 0)).toBe(true);
    expect(find(contoso, other.id).status).toBe('running');
    expect(follow(coming.past, coming, { requester: contoso, href: '/a' }).id).not.toBe(id);
    expect(code(() => cancel(requesterOf('northwind'), other.id))).toBe('OperationNotFound');
    await coming.end('succeeded');
    expect(coming.holders()).toBe(0);
    // A cancelled operation stays cancelled, and one that has succeeded cannot be cancelled.
    expect(find(contoso, id).status).toBe('cancelled');
    expect(cancel(contoso, other.id).status).toBe('succeeded');
  });

  it('is cancelled by an auditor only where nobody else waits for it', () => {
    const { follow, cancel } = operations();
    const coming = comingView();
    const as = (id: string, role: Role) => requesterOf('contoso', 'partnerUser', '', { id, roles: [role] });
    const [auditor, admin] = [as('auditor', 'Auditor'), as('admin', 'GlobalAdmin')];
    const start = (requester: Requester, href: string) => follow(coming.past, coming, { requester, href }).id;
    const theirs = start(admin, '/theirs');
    expect(code(() => cancel(auditor, theirs))).toBe('RoleNotAllowed');
    expect(code(() => cancel(as('seller', 'SalesAgent'), theirs))).toBe('RoleNotAllowed');
    const own = start(auditor, '/own');
    start(auditor, '/own');
    expect(cancel(auditor, own).status).toBe('cancelled');
    const shared = start(auditor, '/shared');
    start(admin, '/shared');
    expect(code(() => cancel(auditor, shared))).toBe('RoleNotAllowed');
    expect(cancel(as('another', 'AdminAgent'), shared).status).toBe('cancelled');
  });

  it('that has failed reports the problem that the list would have answered', async () => {
    const { follow } = operations();
    const coming = comingView();
    const operation = follow(coming.past, coming, { requester: contoso, href: '/a' });
    await coming.end('failed', new Problem('AsOfUnavailable', { reason: 'failed' }));
    expect(operation.shown()).toMatchObject({
      status: 'failed',
      error: { type: '/problems/as-of-unavailable', code: 'AsOfUnavailable', status: 503 },
      result: null,
    });
  });

  it('is waited for no longer than asked', async () => {
    const coming = comingView();
    const operation = operations().follow(coming.past, coming, { requester: contoso, href: '/a' });
    expect(await endedWithin(operation, 10)).toBe(false);
    setTimeout(() => void coming.end('succeeded'), 10);
    expect(await endedWithin(operation, 10_000)).toBe(true);
  });

  it('makes room for others once it has ended, and never before', async () => {
    const { follow, find } = operations();
    const going = comingView();
    const ended = comingView();
    const first = follow(going.past, going, { requester: contoso, href: '/going' });
    const second = follow(ended.past, ended, { requester: contoso, href: '/ended' });
    for (let index = 2; index < 500; index++) follow(going.past, going, { requester: contoso, href: `/${index}` });
    expect(code(() => follow(going.past, going, { requester: contoso, href: '/more' }))).toBe('AsOfUnavailable');
    await ended.end('succeeded');
    expect(code(() => follow(going.past, going, { requester: contoso, href: '/more' }))).toBe('none');
    expect(code(() => find(contoso, second.id))).toBe('OperationNotFound');
    expect(find(contoso, first.id).status).toBe('running');
  });

  it('of one partner takes no room from another, and does not make it forget its ended ones', async () => {
    const { follow, find } = operations();
    const [going, ended] = [comingView(), comingView()];
    const theirs = follow(ended.past, ended, { requester: fabrikam, href: '/theirs' });
    await ended.end('succeeded');
    for (let index = 0; index < 1_500; index++)
      code(() => follow(going.past, going, { requester: contoso, href: `/${index}` }));
    expect(code(() => follow(going.past, going, { requester: fabrikam, href: '/more' }))).toBe('none');
    expect(find(fabrikam, theirs.id).status).toBe('succeeded');
  });
});
