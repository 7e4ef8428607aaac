import {
  customerRelationship,
  defaultPolicy,
  pairOf,
  relationshipStream,
  type Actor,
  type Context,
  type Partner,
  type Policy,
  type RelationshipCommands,
  type RelationshipEvents,
} from '#customer-relationship';
import {
  anyProjection,
  decideOn,
  fold,
  noPreviousHash,
  project,
  type EventMetadata,
  type MessageOf,
  type Projection,
  type Rows,
} from '#event-sourcing';
import type { Pair } from './pair.js';

// Words for specifications of views: a story consists of commands, and the real decider writes its events.

export const partnerId = 'a1000000-0000-4000-8000-000000000001';
export const customerId = 'c1000000-0000-4000-8000-000000000001';
export const pair: Pair = { partnerId, customerId };

export const reseller = {
  tenantId: 'b2000000-0000-4000-8000-000000000002',
  partnerId: '2222222',
  name: 'Northwind Reseller',
};
export const contoso = { tenantId: partnerId, partnerId: '1111111', name: 'Contoso Cloud' };
const partner: Partner = {
  ...contoso,
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [reseller],
};
const ada: Actor = { id: 'ada', kind: 'partnerUser', roles: ['GlobalAdmin', 'AdminAgent'], tenant: partnerId };
const chris = (tenant: string): Actor => ({
  id: 'chris',
  kind: 'customerUser',
  roles: ['CustomerGlobalAdmin'],
  tenant,
});

/** The metadata of every event: stories do not set them. */
const metadata: EventMetadata = {
  actor: { id: 'ada', kind: 'partnerUser', roles: [], tenant: partnerId },
  causationId: 'story',
  commandHash: '',
  commandId: 'story',
  correlationId: 'story',
  hash: noPreviousHash,
  policy: { name: defaultPolicy.name, hash: noPreviousHash },
  previousHash: noPreviousHash,
  recordedAt: '2026-01-10T09:00:00.000Z',
  schema: 1,
};

type Events = readonly MessageOf<RelationshipEvents>[];
type Commands = RelationshipCommands;

export interface Story {
  readonly pair: Pair;
  readonly events: Events;
  /** From now on it is this time. */
  at(now: string): Story;
  under(policy: Policy): Story;
  /** The partner's Global admin does it. @throws Rejection */
  does<N extends keyof Commands>(type: N, data: Commands[N]): Story;
  /** The customer's Global admin does it. @throws Rejection */
  customerDoes<N extends keyof Commands>(type: N, data: Commands[N]): Story;
}

/** A relationship's history so far; nothing has happened yet. */
export function story(of: Pair = pair): Story {
  const events: MessageOf<RelationshipEvents>[] = [];
  let now = '2026-01-10T09:00:00.000Z';
  let policy = defaultPolicy;

  function send<N extends keyof Commands>(type: N, data: Commands[N], actor: Actor): Story {
    const context: Context = { now, actor, policy, partner, customerId: of.customerId };
    const command = { type, data } as unknown as MessageOf<Commands>;
    events.push(...decideOn(customerRelationship, fold(customerRelationship, events), command, context));
    return past;
  }

  const past: Story = {
    pair: of,
    events,
    at(time) {
      now = time;
      return past;
    },
    under(other) {
      policy = other;
      return past;
    },
    does: (type, data) => send(type, data, ada),
    customerDoes: (type, data) => send(type, data, chris(of.customerId)),
  };
  return past;
}

/** Asked for, accepted and agreed to in January 2026. */
export function established({ indirectReseller = false }: { readonly indirectReseller?: boolean } = {}): Story {
  return again(story(), { indirectReseller });
}

/** Asked for, accepted and agreed to once more. */
export function again(past: Story, { indirectReseller = false }: { readonly indirectReseller?: boolean } = {}): Story {
  return past
    .does('RequestResellerRelationship', {
      customer: { name: 'Fabrikam', domain: 'Fabrikam.example' },
      market: 'US',
      ...(indirectReseller ? { indirectResellerId: reseller.tenantId } : {}),
    })
    .customerDoes('AcceptResellerRelationship', {})
    .does('ConfirmCustomerAgreement', {});
}

/** The rows that a story leaves in a view, table by table, in the order in which they were first written. */
export function rowsOf<Tables extends { readonly [T in keyof Tables]: object }>(
  projection: Projection<RelationshipEvents, Tables, Pair>,
  ...stories: readonly Story[]
): { readonly [T in keyof Tables]: readonly Tables[T][] } {
  const any = anyProjection(projection);
  const tables = new Map(Object.keys(any.tables).map((table) => [table, new Map<string, object>()]));
  const rows: Rows = {
    get: (table, _, name) => tables.get(table)!.get(name),
    set: (table, _, name, row) => void (row ? tables.get(table)!.set(name, row) : tables.get(table)!.delete(name)),
  };
  let position = 0;
  for (const past of stories) {
    const stream = relationshipStream(past.pair.partnerId, past.pair.customerId);
    for (const [revision, event] of past.events.entries()) {
      const recorded = { id: '', stream, revision, position: ++position, type: event.type, metadata };
      // As events come: through JSON, under the name of a stream.
      project(any, rows, JSON.parse(JSON.stringify(event)) as MessageOf<RelationshipEvents>, pairOf(stream)!, recorded);
    }
  }
  return Object.fromEntries([...tables].map(([table, ofTable]) => [table, [...ofTable.values()]])) as unknown as {
    readonly [T in keyof Tables]: readonly Tables[T][];
  };
}
