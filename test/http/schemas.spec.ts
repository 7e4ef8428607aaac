import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { establish, runServer, subscription, type RunningServer } from './running-server.js';

describe('the schemas of events and commands', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer();
  });
  afterAll(() => server.end());

  it('are found without a token, to be kept for a while', async () => {
    const { status, headers, body } = await server.get('/schemas/events/SubscriptionSuspended/1', { as: null });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/schema\+json(;|$)/);
    expect(headers.get('cache-control')).toBe('public, max-age=3600');
    expect(body).toEqual(JSON.parse(readFileSync('schemas/events/SubscriptionSuspended.1.json', 'utf8')));

    const command = await server.get('/schemas/commands/SuspendSubscription', { as: null });
    expect(command.body).toMatchObject({ title: 'SuspendSubscription', additionalProperties: false });
  });

  it.each(['events', 'commands'])('are listed, each where it is: %s', async (kind) => {
    const { body } = await server.get(`/schemas/${kind}`, { as: null });
    const entries = body as readonly { readonly id: string; readonly href: string; readonly title: string }[];
    expect(entries.length).toBeGreaterThan(40);
    for (const { id, href, title } of entries) {
      const { status, body } = await server.get(href, { as: null });
      expect(status).toBe(200);
      expect(body).toMatchObject({ $id: id, title });
    }
  });

  it.each([
    '/schemas/events/SubscriptionSuspended/7',
    '/schemas/events/Nothing/1',
    '/schemas/commands/Nothing',
    '/schemas/commands/..%2Flock',
    '/schemas/commands/constructor',
  ])('are not found where there are none: %s', async (path) => {
    const { status, code } = await server.get(path, { as: null });
    expect({ status, code }).toEqual({ status: 404, code: 'RouteNotFound' });
  });

  it('are there for older forms of an event too', async () => {
    for (const number of [1, 2])
      expect((await server.get(`/schemas/events/GrantNameClaimed/${number}`, { as: null })).status).toBe(200);
  });

  it('are kept by the events of a history', async () => {
    const path = await establish(server);
    await server.post(`${path}/subscriptions`, subscription('sub-1'));
    const { body } = await server.get(`${path}/events`);
    const events = body as readonly { readonly type: string; readonly schema: number }[];
    expect(events.length).toBeGreaterThan(3);
    for (const { type, schema } of events)
      expect((await server.get(`/schemas/events/${type}/${schema}`, { as: null })).status).toBe(200);
  });
});
