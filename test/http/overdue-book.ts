import {
  comingUp,
  customerRelationship,
  defaultPolicy,
  settle,
  type CustomerRelationship,
  type RelationshipEvents,
} from '#customer-relationship';
import { canonicalJson, fold, type EventMetadata, type Frozen, type MessageOf } from '#event-sourcing';
import { eventually } from '../eventually.js';
import { timeOfDay } from '../wall-clock.js';
import { customerPath, establish, newCustomer, northwind, partners, type RunningServer } from './running-server.js';

// A book of business of which much is overdue: every kind of thing that time changes, each at a date of its own.

const roles = ['88d8e3e3-8f55-4a1e-953a-9b9898b8876b'];
const { market } = partners.find(({ tenantId }) => tenantId === northwind)!;
const day = 24 * 60 * 60 * 1000;

/** What time has brought about for one customer: eight things, and a customer besides whose request has lapsed. */
async function addOverdue(server: RunningServer, index: number): Promise<string> {
  // Each thing at an instant of its own.
  const ago = (days: number) => new Date(timeOfDay().getTime() - days * day - index * 1_000_000).toISOString();
  const asked = customerPath(newCustomer());
  const path = await establish(server, newCustomer(), { name: `Overdue ${index}` });
  const seats = { offerId: 'CFQ7TTC0LH18:0001', name: 'Seats', quantity: 5, provisioned: true };
  const software = {
    kind: 'subscription',
    termDuration: 'P1Y',
    publisher: 'microsoft',
    name: 'Server',
    lineItems: [{ lineItemId: 'line-1', name: 'Server', quantity: 1 }],
  };
  const bodies: readonly (readonly [path: string, body: object])[] = [
    [`${asked}/reseller-relationship/request`, { customer: { name: 'Asked' }, market, effectiveAt: ago(91) }],
    [
      `${path}/subscriptions`,
      {
        ...seats,
        subscriptionId: 'renewed',
        kind: 'newCommerce',
        termDuration: 'P1M',
        billingCycle: 'monthly',
        autoRenew: true,
        effectiveAt: ago(100),
      },
    ],
    [
      `${path}/subscriptions`,
      {
        ...seats,
        subscriptionId: 'gone',
        kind: 'legacy',
        termDuration: 'P1M',
        autoRenew: false,
        effectiveAt: ago(400),
      },
    ],
    [
      `${path}/subscriptions`,
      {
        ...seats,
        subscriptionId: 'kept',
        kind: 'legacy',
        termDuration: 'P1Y',
        autoRenew: false,
        effectiveAt: ago(380),
      },
    ],
    [`${path}/software`, { ...software, purchaseId: 'rented', effectiveAt: ago(390) }],
    [`${path}/software`, { ...software, purchaseId: 'rented-once', autoRenew: false, effectiveAt: ago(395) }],
    [
      `${path}/subscriptions`,
      { subscriptionId: 'azure', kind: 'azurePlan', offerId: 'azure', name: 'Azure', quantity: 1, provisioned: true },
    ],
    [
      `${path}/reservations`,
      {
        reservationId: 'reserved',
        name: 'Machines',
        product: 'virtualMachine',
        quantity: 1,
        termDuration: 'P1Y',
        commitmentUsdCents: 100,
        effectiveAt: ago(410),
      },
    ],
    [
      `${path}/savings-plans`,
      {
        savingsPlanId: 'saved',
        name: 'Compute',
        termDuration: 'P1Y',
        hourlyCommitment: { minorUnits: 100, currency: 'USD' },
        effectiveAt: ago(420),
      },
    ],
    [
      `${path}/delegated-admin`,
      { grantId: 'lapsed', name: `Lapsed ${path}`.slice(0, 50), roles, durationDays: 90, effectiveAt: ago(95) },
    ],
  ];
  for (const [where, body] of bodies) {
    const { status, body: answer } = await server.post(where, body);
    if (status >= 300) throw new Error(`${where}: ${status} ${JSON.stringify(answer)}`);
  }
  return path;
}

export const overduePerCustomer = 9;

/** The paths of the customers that have been won. */
export async function overdueBook(server: RunningServer, customers: number): Promise<readonly string[]> {
  const waiting = Array.from({ length: customers }, (_, index) => index).values();
  const paths: string[] = [];
  const adder = async () => {
    for (const index of waiting) paths.push(await addOverdue(server, index));
  };
  await Promise.all(Array.from({ length: 8 }, adder));
  return paths;
}

export async function secondsBehind(server: RunningServer): Promise<number | undefined> {
  const { body } = await server.get('/health/ready', { as: null });
  return body.timekeeper.secondsBehind;
}

/** Whatever is due is on record, and the views show it. */
export const untilRecorded = (server: RunningServer) =>
  eventually(`everything on record:\n${server.output()}`, async () => (await secondsBehind(server)) === 0);

/** All events that the partner may see, in the order of the log. */
export async function eventsOf(server: RunningServer): Promise<readonly any[]> {
  const events: any[] = [];
  for (let next: string | undefined = '/v1/events?limit=200'; next !== undefined;) {
    const { body, headers } = await server.get(next);
    events.push(...body);
    next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  }
  return events;
}

export const isOfTimekeeper = ({ actorid, actorkind }: any) => actorid === 'timekeeper' && actorkind === 'system';

/**
 * What is wrong with what timekeepers have recorded: it must be what dates alone have brought about of what people have
 * recorded, each once, in due order.
 */
export function problemsOf(events: readonly any[]): readonly string[] {
  const now = timeOfDay().toISOString();
  const problems: string[] = [];
  for (const [subject, all] of Map.groupBy(events, (event) => event.subject as string)) {
    const state = customerRelationship.initialState();
    for (const event of all.filter((each) => !isOfTimekeeper(each))) {
      fold(customerRelationship, [event as MessageOf<RelationshipEvents>], state);
      const policy = { name: event.policyname, hash: event.policyhash };
      customerRelationship.note!(state, { policy, recordedAt: event.time } as EventMetadata);
    }
    const frozen = state as Frozen<CustomerRelationship>;
    const items = [...comingUp(frozen)].map(({ item }) => item);
    const expected = settle(frozen, items, now, defaultPolicy).due.flatMap((due) => due.events.map(lineOf));
    const recorded = all.filter(isOfTimekeeper).map(lineOf);
    if (expected.toSorted().join() !== recorded.toSorted().join())
      problems.push(`${subject} has ${recorded.join(' ')} instead of ${expected.join(' ')}`);
  }
  return problems;
}

const lineOf = ({ type, data }: { readonly type: string; readonly data: object }) => `${type} ${canonicalJson(data)}`;

/** The boundaries for which commands of timekeepers were sent, in the order of the log. */
export function boundariesIn(events: readonly any[]): readonly string[] {
  const firsts = Map.groupBy(events.filter(isOfTimekeeper), (event) => event.commandid as string).values();
  return [...firsts].map(([{ data }]) => {
    const { expiredAt, renewedAt, disabledAt, deletedAt, endedAt, extendedAt } = data;
    return expiredAt ?? renewedAt ?? disabledAt ?? deletedAt ?? endedAt ?? extendedAt;
  });
}
