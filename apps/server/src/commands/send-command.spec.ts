import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy, relationshipStream, type Actor, type CommandName } from '#customer-relationship';
import {
  EventOfNewerRelease,
  inMemoryEventStore,
  LogDamaged,
  OutcomeUnknown,
  StoreUnavailable,
  type EventMetadata,
} from '#event-sourcing';
import type { Answer } from '#http';
import type { ViewsReader } from '#projector';
import type { Views } from '#read-models';
import { pino } from 'pino';
import { admin, partner } from '../../../../bench/histories.js';
import { ledgerOf } from '../server.module.js';
import { SendCommand, SendCommandHandler } from './send-command.js';

const customerId = 'c0000000-0000-4000-8000-00000000000c';
const stream = relationshipStream(partner.tenantId, customerId);
const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
const request = { customer: { name: 'Adatum' }, market: partner.market };

/** By a newer server, behind the command. */
const unknownEvent = { stream, revision: 2, position: 9, type: 'Paused', metadata: { schema: 1 } as EventMetadata };

describe('An accepted command whose answer cannot be read from the store', () => {
  it.each([
    [new StoreUnavailable('connection lost'), OutcomeUnknown, {}],
    [new EventOfNewerRelease(unknownEvent, 'this release does not know that name'), OutcomeUnknown, {}],
    [new LogDamaged('a stream is gone'), LogDamaged, { outcome: 'unknown' }],
  ])('never says that nothing was done: %s', async (failure, kind, told) => {
    const store = inMemoryEventStore();
    let failing = false;
    const handler = handlerOver({
      ...store,
      read: (...args) => (failing ? Promise.reject(failure) : store.read(...args)),
    });
    const first = command('RequestResellerRelationship', request, admin);
    await handler.execute(first);
    await handler.execute(command('AcceptResellerRelationship', {}, customer));
    failing = true;

    // It was accepted at a revision that has to be read again.
    const answer = handler.execute(first);

    await expect(answer).rejects.toBeInstanceOf(kind);
    await expect(answer).rejects.toMatchObject(told);
    failing = false;
    expect((await handler.execute(first)).status).toBe(200);
    expect(await store.read(stream)).toHaveLength(2);
  });
});

describe('A retry while the store cannot say which event stands at the place that was answered', () => {
  it.each<[string, string, object]>([
    ['an acceptance', 'first', { name: 'OutcomeUnknown' }],
    ['a refusal', 'second', { name: 'StoreUnavailable' }],
  ])('of %s is not answered otherwise than at first', async (_, key, told) => {
    const store = inMemoryEventStore();
    let away = false;
    const handler = handlerOver({
      ...store,
      idAt: (position) => (away ? Promise.reject(new StoreUnavailable('away')) : store.idAt(position)),
    });
    // The request that stands refuses the next.
    const send = (by: string) =>
      handler
        .execute(command('RequestResellerRelationship', request, admin, by))
        .catch((error: unknown) => error as Answer);
    await send('first');
    const answered = await send(key);
    expect(answered.headers['Ledger-Position']).toMatch(/;event="/);

    away = true;
    expect(await send(key)).toMatchObject(told);

    away = false;
    expect((await send(key)).headers).toEqual({ ...answered.headers, 'Idempotent-Replayed': 'true' });
  });
});

describe('A key that another command has taken by mistake', () => {
  it('still gets its owner the first answer, after the other has been decided', async () => {
    const store = inMemoryEventStore();
    const reading = { from: Promise.resolve() };
    const handler = handlerOver({ ...store, read: async (...args) => (await reading.from, store.read(...args)) });
    const first = command('RequestResellerRelationship', request, admin);
    await handler.execute(first);
    let readOn = (): void => undefined;
    reading.from = new Promise((resolve) => (readOn = resolve));
    const mistaken = command('RequestResellerRelationship', { ...request, market: 'FR' }, admin);
    const mistake = handler.execute(mistaken).catch((error: unknown) => error);

    await expect(handler.execute(first)).rejects.toMatchObject({ code: 'CommandInProgress' });
    readOn();

    expect(await mistake).toMatchObject({ code: 'IdempotencyKeyReused' });
    const retried = await handler.execute(first);
    expect([retried.status, retried.headers['Idempotent-Replayed']]).toEqual([200, 'true']);
  });
});

function handlerOver(store: ReturnType<typeof inMemoryEventStore>): SendCommandHandler {
  return new SendCommandHandler(
    ledgerOf({
      id: 'c1d2e3f4-0000-4000-8000-000000000001',
      place: undefined,
      store,
      // No command looks at a view.
      views: {} as ViewsReader<Views>,
      secret: Buffer.alloc(32, 7),
      policy: defaultPolicy,
      partners: new Map([[partner.tenantId, partner]]),
      logger: pino({ level: 'silent' }),
    }),
  );
}

function command(name: CommandName, body: object, actor: Actor, key: string = name): SendCommand {
  return new SendCommand(
    {
      sending: { command: name },
      party: { actor, partner, customerId, stream },
      ids: {},
      key,
      precondition: undefined,
      dryRun: false,
      instance: `/v1/customers/${customerId}/${name}`,
      call: { correlationId: `journey of ${name}`, startedAt: 0 } as SendCommand['envelope']['call'],
    },
    body,
  );
}
