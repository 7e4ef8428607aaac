import 'reflect-metadata';
import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { BulkController } from './bulk.controller.js';

/** How a bulk of a number of items that answer at once uses the turns of the loop. */
async function turnsOf(count: number, query: object) {
  const takenBy: string[] = [];
  const ledger = { partners: [], turns: { take: async (name: string) => void takenBy.push(name) } };
  const caller = { id: 'many', tenant: 'tenant' };
  const request = {
    headers: {},
    query,
    body: { items: Array.from({ length: count }, () => ({ command: 'none' })) },
    call: { caller, correlationId: 'bulk', startedAt: 0 },
    server: {
      charge: async () => undefined,
      oweFor: async () => undefined,
      problemOf: () => ({ status: 400, headers: {}, body: '{}' }),
    },
  };
  let rounds = 0;
  let going = true;
  const ticking = (async () => {
    for (; going; rounds++) await turn();
  })();
  const controller = new BulkController({} as never, ledger as never);
  const answer = await controller.send(request as never, { raw: new EventEmitter(), header: () => {} } as never);
  going = false;
  await ticking;
  return { answered: JSON.parse((answer as { body: string }).body).items.length, takenBy, rounds };
}

describe('a bulk', () => {
  it('of commands lets the loop go round before each of one lane', async () => {
    const { answered, takenBy, rounds } = await turnsOf(200, {});
    expect([answered, takenBy]).toEqual([200, []]);
    expect(rounds).toBeGreaterThanOrEqual(200 / 16);
  });

  it('that is a dry run takes a turn of its caller for each question', async () => {
    const { answered, takenBy } = await turnsOf(200, { dryRun: 'true' });
    expect(answered).toBe(200);
    expect(takenBy).toHaveLength(200);
    expect(new Set(takenBy).size).toBe(1);
  });
});
