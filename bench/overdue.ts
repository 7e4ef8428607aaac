// Pages of lists filtered by status where many rows in the way have another status by now, because an end has passed
// that nobody has recorded, against the same pages without such rows: in this process, and over HTTP. The rows in the way come
// first in every order. Answers are interleaved, so noise falls on both sides.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { blocksAs, defaultPolicy, relationshipStream, type RelationshipEvents } from '#customer-relationship';
import { idOf, noPreviousHash, type Json, type MessageOf } from '#event-sourcing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { openViews, viewsFileIn } from '#projector';
import { grantList, grantTable, itemList, itemTable, relationshipViews, type List } from '#read-models';
import { sealOfRelease } from '../apps/server/src/event-check.js';
import { tokensOf } from '../apps/demo/src/tokens.js';
import { eventually } from '../test/eventually.js';
import { startServer, untilCaughtUp } from '../test/server-process.js';
import { admin, partner } from './histories.js';
import { figure, median, report, table } from './results.js';

const { values } = parseArgs({
  options: {
    /** Rows in the way, of each kind. */
    overdue: { type: 'string', default: '10000' },
    /** Rows that are not, of each kind. */
    others: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '200' },
  },
});
const rounds = Number(values.rounds);
const most = 1.5;

const partnerId = partner.tenantId;
const now = Date.now();
const day = 86_400_000;
const at = (days: number) => new Date(now + days * day).toISOString();
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
/** In the order of the numbers. */
const guid = (number: number) => `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000`;
const itemsOfCustomer = 50;

type Events = readonly MessageOf<RelationshipEvents>[];

function established(customerId: string): Events {
  const contact = { tenantId: partnerId, partnerId: partner.partnerId, name: partner.name };
  return [
    {
      type: 'ResellerRelationshipRequested',
      data: {
        partnerId,
        customerId,
        partner: { ...contact, type: 'directBillPartner' },
        customer: { name: `Customer ${customerId}` },
        market: 'US',
        delegatedAdmin: false,
        requestedAt: at(-500),
        expiresAt: at(-410),
      },
    },
    {
      type: 'ResellerRelationshipEstablished',
      data: { relationshipTerm: 1, acceptedBy: { userId: 'it-lead' }, establishedAt: at(-499) },
    },
  ];
}

/** An active subscription and a disabled one, and a grant: each over, or not for a while. */
function rows(number: number, isOver: boolean): Events {
  const name = `${isOver ? 'A' : 'B'} ${String(number).padStart(8, '0')}`;
  const end = at((isOver ? -40 : 40) + number / 1e6);
  const purchased = (subscriptionId: string, termEndsAt: string): Events => [
    {
      type: 'SubscriptionPurchased',
      data: {
        subscriptionId,
        kind: 'newCommerce',
        offerId: 'CFQ7TTC0LH18:0001',
        name,
        quantity: 5,
        trial: false,
        autoRenew: false,
        boughtBy: 'partner',
        termDuration: 'P1Y',
        termEndsAt,
        purchasedAt: at(-400),
      },
    },
    { type: 'SubscriptionActivated', data: { subscriptionId, activatedAt: at(-400) } },
  ];
  const grantId = `grant ${name}`;
  const signature = { userId: 'it-lead' };
  return [
    ...purchased(`active ${name}`, end),
    ...purchased(`disabled ${name}`, at(-90)),
    {
      type: 'SubscriptionDisabled',
      data: { subscriptionId: `disabled ${name}`, disabledAt: at(-90), retainedUntil: end, furtherPeriod: false },
    },
    {
      type: 'DelegatedAdminRequested',
      data: {
        grantId,
        name,
        roles: ['reader'],
        durationDays: 365,
        autoExtendDays: 0,
        requestedAt: at(-400),
        expiresAt: at(-310),
      },
    },
    { type: 'DelegatedAdminLockedForApproval', data: { grantId, lockedAt: at(-400) } },
    { type: 'DelegatedAdminApproved', data: { grantId, approvedBy: signature, approvedAt: at(-399) } },
    { type: 'DelegatedAdminActivated', data: { grantId, activatedAt: at(-399), endsAt: end } },
  ];
}

/** A book with that many rows of each kind that are over, before those that are not. */
async function fill(dataDirectory: string, overdue: number, others: number): Promise<void> {
  const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
  const metadata = (commandId: string) => ({
    actor: { id: admin.id, kind: 'partnerUser', roles: ['GlobalAdmin', 'AdminAgent'], tenant: partnerId },
    causationId: commandId,
    commandHash: hash(commandId),
    commandId: idOf(hash(commandId)),
    correlationId: commandId,
    policy: { name: defaultPolicy.name, hash: hash('policy') },
    recordedAt: at(0),
    schema: 1,
  });
  for (let number = 0; number < overdue + others; number += itemsOfCustomer) {
    const customerId = guid(number);
    const stream = relationshipStream(partnerId, customerId);
    const events = [
      ...established(customerId),
      ...Array.from({ length: itemsOfCustomer }, (_, nth) => rows(number + nth, number < overdue)).flat(),
    ];
    const unsealed = events.map(({ type, data }) => ({ type, data: data as Json, metadata: metadata(`${number}`) }));
    await store.append(stream, sealOfRelease(stream, 0, noPreviousHash, unsealed), -1);
  }
  await store.close();
}

/** The projector notes what has passed a while after it has caught up. */
async function untilNoted(path: string): Promise<void> {
  const database = new Database(path, { readonly: true });
  const left = [itemTable, grantTable].map((rows) =>
    database.prepare(`SELECT count(*) FROM ${rows} WHERE passedInto = '' AND dueAt < ?`).pluck(),
  );
  await eventually('rows that are noted', () => left.every((count) => count.get(at(0)) === 0));
  database.close();
}

interface Side {
  readonly ask: (list: List, sort: string, status: string) => number;
  readonly get: (path: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

async function sideOf(dataDirectory: string, overdue: number): Promise<Side> {
  const options = { dataDirectory, partners: [partner], env: { TIMEKEEPER: 'off' } };
  // The first start makes the keys and the log.
  await (await startServer(options)).stop();
  await fill(dataDirectory, overdue, Number(values.others));
  const server = await startServer(options);
  await untilCaughtUp(server);
  await untilNoted(viewsFileIn(dataDirectory));
  const token = await (await tokensOf(join(dataDirectory, 'keys', 'token-key.json')))(admin);
  const views = openViews({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
  const time = new Date().toISOString();
  const circumstances = {
    now: time,
    blockerOf: (facts: Parameters<typeof blocksAs>[0]) => blocksAs(facts, defaultPolicy, time),
    removal: defaultPolicy.removal,
  };
  return {
    ask(list, sort, status) {
      let ms = NaN;
      void views.read(['items', 'delegated-admin-grants'], (queries) => {
        const startedAt = performance.now();
        const { rows } = list.read(queries, { partnerId, sort, filter: { status } }, circumstances);
        ms = performance.now() - startedAt;
        if (rows.length !== 50) throw new Error(`A page has ${rows.length} rows`);
      });
      return ms;
    },
    async get(path) {
      const startedAt = performance.now();
      const answer = await fetch(`${server.url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${path} is answered ${answer.status}`);
      return performance.now() - startedAt;
    },
    async stop() {
      await views.close();
      await server.stop();
    },
  };
}

const pages: readonly (readonly [list: List, status: string])[] = [
  [itemList, 'active'],
  [itemList, 'disabled'],
  [grantList, 'active'],
  [grantList, 'open'],
];

const directory = mkdtempSync(join(tmpdir(), 'bench-overdue-'));
const sides: Side[] = [];
try {
  const without = await sideOf(join(directory, 'none'), 0);
  sides.push(without);
  const withOverdue = await sideOf(join(directory, 'overdue'), Number(values.overdue));
  sides.push(withOverdue);
  const cases = pages.flatMap(([list, status]) => list.sorts.map((sort) => ({ list, status, sort })));
  const lines: string[][] = [];
  for (const { list, status, sort } of cases) {
    const path = `/v1/${list.partnerWide.path}?status=${status}&sort=${sort}`;
    const times = { inProcess: [[], []] as number[][], http: [[], []] as number[][] };
    for (let round = -20; round < rounds; round++)
      for (const [index, side] of [without, withOverdue].entries()) {
        const [inProcess, http] = [side.ask(list, sort, status), await side.get(path)];
        if (round < 0) continue;
        times.inProcess[index]!.push(inProcess);
        times.http[index]!.push(http);
      }
    for (const [where, [none, some]] of Object.entries(times) as [string, [number[], number[]]][]) {
      const ratio = median(some) / median(none);
      report([{ bench: 'overdue', name: `${path}, ${where}`, rates: some.map((ms) => 1000 / ms), ratio: 1 / ratio }]);
      lines.push([
        path,
        where,
        median(none).toFixed(3),
        median(some).toFixed(3),
        ratio.toFixed(2),
        ratio > most ? `more than ${most}` : '',
      ]);
    }
  }
  console.log(
    `Pages of 50 with ${figure(Number(values.overdue))} overdue rows of each kind before them, medians of ${rounds}; ` +
      `load ${loadavg()[0]!.toFixed(1)}\n`,
  );
  console.log(table(['page', 'asked', 'none ms', 'overdue ms', 'ratio', ''], lines));
} finally {
  for (const side of sides) await side.stop();
  rmSync(directory, { recursive: true });
}
