import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { defaultPolicy, relationshipStream, type Actor, type CommandName } from '#customer-relationship';
import { inMemoryEventStore, StoreUnavailable, type EventStore, type RecordedEvent } from '#event-sourcing';
import { validated, type Answer, type Refusal } from '#http';
import { admin, partner } from '../../../../bench/histories.js';
import { ledgerId, ledgerOver } from '../testing-ledger.js';
import '../server.module.js';
import { SendCommand, SendCommandHandler } from './send-command.js';
import { commandRoutes } from './command-routes.js';

const customerId = 'c0000000-0000-4000-8000-00000000000c';
const stream = relationshipStream(partner.tenantId, customerId);
const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
const request = { customer: { name: 'Adatum' }, market: partner.market };

describe('A command that is in the log', () => {
  it('is answered, at first and again, though nothing more can be read from the store', async () => {
    const store = inMemoryEventStore();
    let away = false;
    const orAway = async <Result>(answer: () => Promise<Result>): Promise<Result> => {
      if (away) throw new StoreUnavailable('away');
      return answer();
    };
    const handler = handlerOver({
      ...store,
      read: (...args) => orAway(() => store.read(...args)),
      idAt: (...args) => orAway(() => store.idAt(...args)),
      async append(...args) {
        const result = await store.append(...args);
        away = true;
        return result;
      },
    });
    const first = command('RequestResellerRelationship', request, admin);

    const answered = await handler.execute(first);
    expect(answered.headers['Ledger-Position']).toBe(
      `1;ledger="${ledgerId}";event="${(await store.idAt(1))!.slice(0, 13)}"`,
    );
    expect(await handler.execute(first)).toEqual({
      ...answered,
      headers: { ...answered.headers, 'Idempotent-Replayed': 'true' },
    });

    // What others have made of it since changes nothing.
    away = false;
    await handler.execute(command('AcceptResellerRelationship', {}, customer));
    expect(await handler.execute(first)).toMatchObject({ status: 200, body: answered.body });
  });

  it('as a refusal is not answered otherwise than at first while the store cannot say which event it rests on', async () => {
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
    const refused = await send('second');
    expect(refused.headers['Ledger-Position']).toMatch(/;event="/);

    away = true;
    expect(await send('second')).toBeInstanceOf(StoreUnavailable);

    away = false;
    expect((await send('second')).headers).toEqual({ ...refused.headers, 'Idempotent-Replayed': 'true' });
  });
});

describe('A command for whatever revision there is, of a relationship that comes into being meanwhile', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
    'is answered again as at first: before reading %i of the log',
    async (reading) => {
      const store = inMemoryEventStore();
      const elsewhere = handlerOver(store, 'a database');
      let readings = 0;
      const handler = handlerOver(
        {
          ...store,
          async read(...args) {
            if (++readings === reading) await elsewhere.execute(command('RequestResellerRelationship', request, admin));
            return store.read(...args);
          },
        },
        'a database',
      );
      const { incoming, body } = command('ConfirmCustomerAgreement', {}, admin);
      const sent = new SendCommand({ ...incoming, precondition: { match: 'exists' } }, body);
      const send = () => handler.execute(sent).catch((error: unknown) => error as Answer);

      const first = await send();

      // Without a place it rests on nothing that was ever recorded, and leaves no trace.
      if (!('Ledger-Position' in (first.headers ?? {})))
        expect(first).toMatchObject({ rejection: { code: 'RelationshipNotFound' } });
      else expect(await send()).toMatchObject({ headers: { ...first.headers, 'Idempotent-Replayed': 'true' } });
    },
  );
});

describe('A command that a release recorded which kept text as it came', () => {
  const asItCame = { customer: { name: '\ufeffAdatum\u200b' }, market: partner.market };
  /** As the route makes it of the same body now. */
  const sentAgain = (by: string, body: object) => {
    const { value, errors } = validated(commandRoutes.RequestResellerRelationship.body, body);
    expect(errors).toBeUndefined();
    const { incoming } = command('RequestResellerRelationship', request, admin, by);
    return new SendCommand(incoming, value as object);
  };

  it('is answered again as it was, accepted or refused, and nothing else is under its key', async () => {
    const store = inMemoryEventStore();
    const handler = handlerOver(store);
    const send = (sent: SendCommand) => handler.execute(sent).catch((error: unknown) => error as Answer);
    const accepted = await send(command('RequestResellerRelationship', asItCame, admin, 'accepted'));
    const refused = await send(command('RequestResellerRelationship', asItCame, admin, 'refused'));

    expect(await send(sentAgain('accepted', asItCame))).toMatchObject({
      body: accepted.body,
      headers: { 'Idempotent-Replayed': 'true' },
    });
    expect(await send(sentAgain('refused', asItCame))).toMatchObject({
      rejection: (refused as unknown as Refusal).rejection,
      headers: { 'Idempotent-Replayed': 'true' },
    });
    for (const key of ['accepted', 'refused'])
      expect(await send(sentAgain(key, { ...asItCame, customer: { name: 'Tailspin' } }))).toMatchObject({
        code: 'IdempotencyKeyReused',
      });
  });
});

describe('An event that its schema refuses', () => {
  it('is not appended: the sender gets what a bug gets, and the next command goes its way', async () => {
    const store = inMemoryEventStore();
    const handler = handlerOver(store);
    // No judge of bodies lets that through.
    const broken = { customer: [], market: partner.market };

    await expect(handler.execute(command('RequestResellerRelationship', broken, admin, 'one'))).rejects.toThrow(
      /^Event ResellerRelationshipRequested \(schema 1\) for stream \S+ is refused at \/data\/customer: must be object$/,
    );
    expect(await store.head()).toBe(0);
    expect(await handler.execute(command('RequestResellerRelationship', request, admin, 'two'))).toMatchObject({
      status: 200,
    });
  });
});

describe('What a command leaves in the log', () => {
  it('names the policy and the release that decided, whether it was accepted, refused or claimed a name', async () => {
    const store = inMemoryEventStore();
    const handler = handlerOver(store);
    const send = (name: CommandName, body: object, actor = admin) =>
      handler.execute(command(name, body, actor)).catch((error: unknown) => error as Answer);
    await send('RequestResellerRelationship', request);
    await send('AcceptResellerRelationship', {}, customer);
    await send('RequestDelegatedAdmin', { grantId: 'grant-1', name: 'Help', roles: ['reader'], durationDays: 30 });
    await handler
      .execute(command('AcceptResellerRelationship', {}, customer, 'again'))
      .catch((error: unknown) => error);

    const recorded: RecordedEvent[] = [];
    for await (const { events, caughtUp } of store.subscribe({ after: 0, signal: new AbortController().signal })) {
      recorded.push(...events);
      if (caughtUp) break;
    }
    expect(new Set(recorded.map(({ type }) => type))).toEqual(
      new Set([
        'ResellerRelationshipRequested',
        'ResellerRelationshipEstablished',
        'GrantNameClaimed',
        'DelegatedAdminRequested',
        'CommandRejected',
      ]),
    );
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    for (const { type, metadata } of recorded)
      expect({ type, policy: metadata.policy.name, release: metadata.release }).toEqual({
        type,
        policy: defaultPolicy.name,
        release: version,
      });
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

function handlerOver(store: EventStore, place?: string): SendCommandHandler {
  return new SendCommandHandler(ledgerOver(store, place));
}

function command(name: CommandName, body: object, actor: Actor, key: string = name): SendCommand {
  return new SendCommand(
    {
      command: name,
      route: {},
      requester: { actor, partner, customerId, stream },
      ids: {},
      key,
      precondition: undefined,
      dryRun: false,
      instance: `/v1/customers/${customerId}/${name}`,
      call: { correlationId: `journey of ${name}`, startedAt: 0 } as SendCommand['incoming']['call'],
    },
    body,
  );
}
