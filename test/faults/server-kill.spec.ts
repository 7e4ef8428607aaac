import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  pairOf,
  relationshipCodec,
  relationshipStream,
  type Actor,
  type RelationshipCommands,
} from '#customer-relationship';
import { expectedHash, idOf, noPreviousHash, readLedger, type MessageOf, type RecordedEvent } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { openViewsFile, projector, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import Database from 'better-sqlite3';
import { LedgerClient, type Reply } from '../../apps/demo/src/ledger-client.js';
import { customerPath, requestOf } from '../../apps/demo/src/routes.js';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { tokenKeyPath } from '../../apps/server/src/keys.js';
import { admin, partner } from '../../bench/histories.js';
import { freePort, startServer, type ServerProcess } from '../server-process.js';

// The promise behind the whole ledger: what has been acknowledged is there, once, whatever happens to the server, and a
// caller who was left without an answer gets the one that counts by asking again under the same key.

const rounds = 6;
const callers = 32;
const relationships = 8;

const directory = mkdtempSync(join(tmpdir(), 'server-kill-'));
const dataDirectory = join(directory, 'data');
let server: ServerProcess | undefined;
afterAll(async () => {
  await server?.killAtOnce();
  rmSync(directory, { recursive: true, force: true });
});

/** What a caller was told, by the command id that its key stands for. */
const acknowledged = new Map<string, Reply>();

const idFrom = (text: string) => idOf(createHash('sha256').update(text).digest('hex'));
const customers = Array.from({ length: relationships }, (_, index) => idFrom(`customer ${index}`));
const seatsOf = (customerId: string) => idFrom(`seats of ${customerId}`);

describe('a server that is killed again and again under load', () => {
  let log: RecordedEvent[] = [];

  it('answers every command in the end', async () => {
    const port = await freePort();
    const start = () => startServer({ dataDirectory, partners: [partner], port }, 'live');
    server = await start();
    let retries = 0;
    const client = new LedgerClient({
      url: server.url,
      token: await tokensOf(tokenKeyPath(dataDirectory)),
      onRetry: () => retries++,
    });
    await Promise.all(customers.map((customerId) => establish(client, customerId)));

    let over = false;
    const working = Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        for (let turn = 0; !over; turn++) await sendOne(client, caller, turn);
      }),
    );
    try {
      for (let round = 0; round < rounds; round++) {
        // Long enough for hundreds of commands, and never at the same place.
        await Promise.race([working, sleep(300 + Math.random() * 900)]);
        await server.killAtOnce();
        server = await start();
      }
      await Promise.race([working, sleep(300)]);
    } finally {
      over = true;
    }
    await working;

    // Otherwise nothing was under way when the server died, and the rest of this would prove nothing.
    expect(retries).toBeGreaterThan(rounds);
    expect(
      [...acknowledged.values()].filter(({ headers }) => headers.get('Idempotent-Replayed') === 'true'),
    ).not.toEqual([]);
    await untilReady(server);
    await server.stop();
    expect(server.child.exitCode).toBe(0);
    log = await everyEvent();
  }, 60_000);

  it('has recorded every acknowledged command once, as it was told to the caller', () => {
    const byCommand = Map.groupBy(log, ({ metadata }) => metadata.commandId);
    for (const [commandId, { body }] of acknowledged) {
      const events = byCommand.get(commandId) ?? [];
      expect(events.map(({ type }) => type)).toEqual(body['events']);
      expect(events.at(-1)).toMatchObject({ revision: body['revision'], position: Number(body['position']) });
      // One append: a command is there with all of its events or not at all.
      expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => events[0]!.revision + index));
    }
    // Every caller has waited for its answer, so nothing else can be there.
    expect(
      byCommand
        .keys()
        .filter((commandId) => !acknowledged.has(commandId))
        .toArray(),
    ).toEqual([]);
  });

  it('has gapless revisions and whole hash chains', () => {
    const streams = Map.groupBy(log, ({ stream }) => stream);
    expect(streams.size).toBe(relationships);
    for (const events of streams.values())
      events.forEach((event, revision) => {
        expect(event.revision).toBe(revision);
        expect(event.metadata.previousHash).toBe(events[revision - 1]?.metadata.hash ?? noPreviousHash);
        expect(event.metadata.hash).toBe(expectedHash(event));
        expect(event.id).toBe(idOf(event.metadata.hash));
      });
  });

  it('has views that equal a replay of the whole log', async () => {
    const replayed = join(directory, 'replayed.sqlite');
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
    const views = openViewsFile({ path: replayed, projections: relationshipViews });
    await projector({
      store,
      codec: relationshipCodec,
      subjectOf: pairOf,
      views,
      projections: relationshipViews,
      ledgerId: (await readLedger(store))!.ledgerId,
      head: await store.head(),
    }).catchUp(new AbortController().signal);
    views.close();
    await store.close();

    const served = rowsIn(viewsFileIn(dataDirectory));
    expect(served).toEqual(rowsIn(replayed));
    expect(Object.values(served).filter((rows) => rows.length > 0).length).toBeGreaterThan(3);
  });

  /** One command of a caller; two callers share no key, but all share the relationships. */
  async function sendOne(client: LedgerClient, caller: number, turn: number): Promise<void> {
    const customerId = customers[(caller + turn) % relationships]!;
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
    await send(client, admin, customerId, command, `caller-${caller}-${turn}`);
  }
});

const legacy = { kind: 'legacy', offerId: 'legacy-e1', name: 'Office E1', quantity: 5, termDuration: 'P1Y' } as const;

/** Asked for, accepted, agreed to, and with seats to change. */
async function establish(client: LedgerClient, customerId: string): Promise<void> {
  const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
  const request = { customer: { name: 'Adatum' }, market: partner.market };
  await send(client, admin, customerId, { type: 'RequestResellerRelationship', data: request }, 'request');
  await send(client, customer, customerId, { type: 'AcceptResellerRelationship', data: {} }, 'accept');
  await send(client, admin, customerId, { type: 'ConfirmCustomerAgreement', data: {} }, 'agreement');
  const seats = { ...legacy, kind: 'newCommerce', subscriptionId: seatsOf(customerId), provisioned: true } as const;
  await send(client, admin, customerId, { type: 'PurchaseSubscription', data: seats }, 'seats');
}

async function send(
  client: LedgerClient,
  by: Actor,
  customerId: string,
  command: MessageOf<RelationshipCommands>,
  key: string,
): Promise<void> {
  const { path, body } = requestOf(command);
  const reply = await client.post(by, `${customerPath(by, partner.tenantId, customerId)}${path}`, body, key);
  if (reply.status !== 200 && reply.status !== 201)
    throw new Error(`${command.type}: ${reply.status} ${JSON.stringify(reply.body)}`);
  // The command id is a matter of the contract: partner, customer and key.
  acknowledged.set(idFrom(`${partner.tenantId}/${customerId}/${key}`), reply);
}

/** The views have caught up with everything that was acknowledged. */
async function untilReady({ url }: ServerProcess): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/health/ready`);
    const { views } = (await answer.json()) as { views: readonly { eventsBehind: number }[] };
    if (answer.ok && views.every(({ eventsBehind }) => eventsBehind === 0)) return;
    await sleep(50);
  }
}

/** Every row of every table that the views of this release have, in the order of the keys. */
function rowsIn(path: string): Record<string, unknown[]> {
  const database = new Database(path, { readonly: true });
  const rows = relationshipViews.flatMap(({ tables }) =>
    Object.entries(tables).map(([table, { key }]) => [
      table,
      database.prepare(`SELECT * FROM "${table}" ORDER BY ${key.map((column) => `"${column}"`).join(', ')}`).all(),
    ]),
  );
  database.close();
  return Object.fromEntries(rows) as Record<string, unknown[]>;
}

async function everyEvent(): Promise<RecordedEvent[]> {
  const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
  const reading = new AbortController();
  const events: RecordedEvent[] = [];
  const streams = new Set(customers.map((customerId) => relationshipStream(partner.tenantId, customerId)));
  for await (const batch of store.subscribe({ after: 0, signal: reading.signal })) {
    events.push(...batch.events.filter(({ stream }) => streams.has(stream)));
    if (batch.caughtUp) reading.abort();
  }
  await store.close();
  return events;
}
