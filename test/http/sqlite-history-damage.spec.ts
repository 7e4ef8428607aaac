import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { liveFeed } from './live-feed.js';
import { establish, runServer, subscription, type RunningServer } from './running-server.js';

describe('a history that is read as lines', () => {
  let server: RunningServer;
  let path: string;

  /** As a program does it that sees more of HTTP than `fetch` shows. */
  async function lines(): Promise<IncomingMessage> {
    const request = get(`${server.url}/v1/events`, {
      headers: { accept: 'application/x-ndjson', authorization: `Bearer ${await server.tokenOf({})}` },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  async function received(response: IncomingMessage): Promise<{ readonly events: number; readonly error?: Error }> {
    let text = '';
    const lineCount = () => text.split('\n').length - 1;
    try {
      for await (const chunk of response) text += String(chunk);
      return { events: lineCount() };
    } catch (error) {
      return { events: lineCount(), error: error as Error };
    }
  }

  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
    await server.post(`${path}/subscriptions`, subscription('a'));
    for (let quantity = 100; quantity < 1_000; quantity += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, more) =>
          server.post(`${path}/subscriptions/a/quantity`, { quantity: quantity + more }),
        ),
      );
  });
  afterAll(() => server.end());

  it('says after the last line that nothing is missing', async () => {
    const response = await lines();
    expect(await received(response)).toEqual({ events: 905 });
    expect(response.headers['trailer']).toBe('History-Complete');
    expect(response.trailers['history-complete']).toBe(response.headers['ledger-position']);
  });

  it('waits for a reader that takes its time, and goes on when it does', async () => {
    const response = await lines();
    response.pause();
    await sleep(300);
    expect(await received(response)).toEqual({ events: 905 });
  });

  it('is cut off where the log is damaged, and a live one with it: no part is taken for the whole', async () => {
    const file = new Database(join(server.dataDirectory, 'events.sqlite'));
    file.exec('DROP TRIGGER events_are_never_changed');
    const damaged = 700;
    file.prepare(`UPDATE events SET data = '{' WHERE position = ?`).run(damaged);
    file.close();

    const response = await lines();
    expect(response.statusCode).toBe(200);
    const { events, error } = await received(response);
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(events).toBeGreaterThan(0);
    expect(events).toBeLessThan(damaged);
    expect(response.trailers).toEqual({});

    const feed = await liveFeed(server, '/v1/events');
    await expect(feed.ended).rejects.toThrow('terminated');
    expect(feed.messages.length).toBeLessThan(damaged);
    // A page that needs it is refused, and says why.
    expect(await server.get(`/v1/events?after=${damaged - 1}`)).toMatchObject({ status: 503, code: 'LogDamaged' });
    expect(await server.get(`/v1/events?after=${damaged}`)).toMatchObject({ status: 200 });
    await sleep(300);
    const logged = server
      .output()
      .split('\n')
      .filter((line) => line.includes('streams of the history cannot go on'));
    expect(logged).toHaveLength(1);
    expect((await server.get('/health/ready', { as: null })).body.status).toBe('damaged');
  });
});
