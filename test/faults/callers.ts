import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { relationshipStream, type Actor, type RelationshipCommands } from '#customer-relationship';
import {
  expectedHash,
  idOf,
  noPreviousHash,
  type EventStore,
  type MessageOf,
  type RecordedEvent,
} from '#event-sourcing';
import type { LedgerClient, Reply } from '../../apps/demo/src/ledger-client.js';
import { customerPath, requestOf } from '../../apps/demo/src/routes.js';
import { admin, partner } from '../../bench/histories.js';

// Callers who send commands without a pause, to one server or to several, and ask again under the same key until they are
// answered; and what must be true of the log afterwards, whatever happened to servers and stores meanwhile.

const callers = 32;
const relationships = 8;

export interface Callers {
  /** What they were told, by the command id that a key stands for. */
  readonly acknowledged: ReadonlyMap<string, Reply>;
  /** The longest that one of them has waited for an answer, in milliseconds. */
  readonly longestWait: () => number;
  /** The relationships that all of them work on, asked for, accepted, agreed to, and with seats to change. */
  readonly establish: () => Promise<void>;
  /** All of them at work, until `rest` says so; a caller in the middle of a command waits for its answer. */
  readonly work: () => { readonly rest: () => Promise<void>; readonly working: Promise<unknown> };
}

/** With several clients every command goes to another server than the one before; every seventh goes to all of them at once, under one key. */
export function callersOf(clients: readonly LedgerClient[]): Callers {
  const acknowledged = new Map<string, Reply>();
  const customers = Array.from({ length: relationships }, (_, index) => idFrom(`customer ${index}`));
  let turns = 0;
  let longestWait = 0;

  async function send(
    to: readonly LedgerClient[],
    by: Actor,
    customerId: string,
    command: MessageOf<RelationshipCommands>,
    key: string,
  ): Promise<void> {
    const { path, body } = requestOf(command);
    const url = `${customerPath(by, partner.tenantId, customerId)}${path}`;
    const sentAt = performance.now();
    const [reply, ...others] = await Promise.all(to.map((client) => client.post(by, url, body, key)));
    longestWait = Math.max(longestWait, performance.now() - sentAt);
    if (reply!.status !== 200 && reply!.status !== 201)
      throw new Error(`${command.type}: ${reply!.status} ${JSON.stringify(reply!.body)}`);
    for (const other of others) {
      expect(other.body).toEqual(reply!.body);
      expect(other.status).toBe(reply!.status);
      expect(other.headers.get('ETag')).toBe(reply!.headers.get('ETag'));
    }
    // The command id is a matter of the contract: partner, customer and key.
    acknowledged.set(idFrom(`${partner.tenantId}/${customerId}/${key}`), reply!);
  }

  async function establish(customerId: string): Promise<void> {
    const first = clients.slice(0, 1);
    const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
    const request = { customer: { name: 'Adatum' }, market: partner.market };
    await send(first, admin, customerId, { type: 'RequestResellerRelationship', data: request }, 'request');
    await send(first, customer, customerId, { type: 'AcceptResellerRelationship', data: {} }, 'accept');
    await send(first, admin, customerId, { type: 'ConfirmCustomerAgreement', data: {} }, 'agreement');
    const seats = { ...legacy, kind: 'newCommerce', subscriptionId: seatsOf(customerId), provisioned: true } as const;
    await send(first, admin, customerId, { type: 'PurchaseSubscription', data: seats }, 'seats');
  }

  /** Two callers share no key, but all share the relationships. */
  async function sendOne(caller: number, turn: number): Promise<void> {
    const customerId = customers[(caller + turn) % relationships]!;
    const to = turn % 7 === 6 ? clients : [clients[(caller + turn) % clients.length]!];
    // Never the same quantity or name twice, so that each of them changes something.
    const distinct = turn * callers + caller;
    const command: MessageOf<RelationshipCommands> =
      turn % 5 === 4
        ? {
            // Three events: purchased, activated, and the support contact that comes with a legacy subscription.
            type: 'PurchaseSubscription',
            data: { subscriptionId: idFrom(`purchase ${distinct}`), ...legacy, provisioned: true },
          }
        : turn % 5 === 2
          ? { type: 'UpdateCustomerProfile', data: { name: `Name ${distinct}` } }
          : {
              type: 'ChangeSubscriptionQuantity',
              data: { subscriptionId: seatsOf(customerId), quantity: 100 + distinct },
            };
    await send(to, admin, customerId, command, `caller-${caller}-${turn}`);
  }

  return {
    acknowledged,
    longestWait: () => longestWait,
    establish: async () => void (await Promise.all(customers.map(establish))),
    work() {
      let over = false;
      // A later shift goes on where the one before has stopped.
      const firstTurn = turns;
      const working = Promise.all(
        Array.from({ length: callers }, async (_, caller) => {
          for (let turn = firstTurn; !over; turn++) {
            turns = Math.max(turns, turn + 1);
            await sendOne(caller, turn);
          }
        }),
      );
      return {
        working,
        async rest() {
          over = true;
          await working;
        },
      };
    },
  };
}

const idFrom = (text: string) => idOf(createHash('sha256').update(text).digest('hex'));
const seatsOf = (customerId: string) => idFrom(`seats of ${customerId}`);
const legacy = { kind: 'legacy', offerId: 'legacy-e1', name: 'Office E1', quantity: 5, termDuration: 'P1Y' } as const;

/** Every event of the relationships, in the order of the log. */
export async function relationshipEvents(store: EventStore): Promise<readonly RecordedEvent[]> {
  const reading = new AbortController();
  const events: RecordedEvent[] = [];
  const prefix = relationshipStream(partner.tenantId, '');
  for await (const batch of store.subscribe({ after: 0, signal: reading.signal })) {
    events.push(...batch.events.filter(({ stream }) => stream.startsWith(prefix)));
    if (batch.caughtUp) reading.abort();
  }
  return events;
}

/** Everything that was acknowledged is there once, as the caller was told; and nothing else is, for every caller has waited for its answer. */
export function expectEachCommandOnce(log: readonly RecordedEvent[], acknowledged: Callers['acknowledged']): void {
  const byCommand = Map.groupBy(log, ({ metadata }) => metadata.commandId);
  for (const [commandId, { body }] of acknowledged) {
    const events = byCommand.get(commandId) ?? [];
    expect(events.map(({ type }) => type)).toEqual(body['events']);
    expect(events.at(-1)).toMatchObject({ revision: body['revision'], position: Number(body['position']) });
    // One append: a command is there with all of its events or not at all.
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => events[0]!.revision + index));
  }
  expect([...byCommand.keys()].filter((commandId) => !acknowledged.has(commandId))).toEqual([]);
}

/** Revisions without gaps, and every event tied to the one before it. */
export function expectWholeChains(log: readonly RecordedEvent[]): void {
  const streams = Map.groupBy(log, ({ stream }) => stream);
  expect(streams.size).toBe(relationships);
  for (const events of streams.values())
    events.forEach((event, revision) => {
      expect(event.revision).toBe(revision);
      expect(event.metadata.previousHash).toBe(events[revision - 1]?.metadata.hash ?? noPreviousHash);
      expect(event.metadata.hash).toBe(expectedHash(event));
      expect(event.id).toBe(idOf(event.metadata.hash));
    });
}
