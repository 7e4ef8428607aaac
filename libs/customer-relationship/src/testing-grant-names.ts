import {
  canonicalJson,
  CommandLoop,
  FoldedStreams,
  inMemoryEventStore,
  sealer,
  StoreUnavailable,
  type CommandRequest,
  type EventStore,
  type MessageOf,
  type RecordedEvent,
  type SealedEvent,
} from '#event-sourcing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import { grantName, grantNameCodec, grantNameStream, grantNameClaims } from './grant-names.js';
import { relationshipSummary } from './state.js';
import { context, customerUser, now, partner, policyOf2020 } from './testing.js';

// Words for the specifications of grant names: servers over a store, namings, and stores on which something happens.

export const fabrikam = 'c1000000-0000-4000-8000-000000000001';
export const tailspin = 'c2000000-0000-4000-8000-000000000002';
export type Command = MessageOf<RelationshipCommands>;

const seal = sealer(() => undefined);

/** A server on a store: the command loops that it is made of, with caches of its own. */
export function server(store: EventStore) {
  const streams = new FoldedStreams({
    store,
    decider: customerRelationship,
    codec: relationshipCodec,
    summaryOf: relationshipSummary,
  });
  const names = new CommandLoop({
    streams: new FoldedStreams({ store, decider: grantName, codec: grantNameCodec, summaryOf: () => undefined }),
    seal,
  });
  const { handle, ask } = new CommandLoop({ streams, seal, claimOf: grantNameClaims(names, streams) });
  return { relationships: new CommandLoop({ streams, seal }), names, handle, ask };
}

export function requestOf(
  command: Command,
  commandId: string,
  customerId = fabrikam,
  actor = context.actor,
): CommandRequest<RelationshipCommands, Context> {
  return {
    stream: relationshipStream(partner.tenantId, customerId),
    command,
    metadata: {
      actor,
      causationId: `correlation of ${commandId}`,
      correlationId: `correlation of ${commandId}`,
      commandId,
      commandHash: canonicalJson(command),
      comment: 'as agreed',
      policy: { name: policyOf2020.name, hash: 'hash of the policy' },
    },
    now,
    contextAt: (at) => ({ ...context, now: at, customerId, actor }),
  };
}

export const ask = (grantId: string, name: string, overrides = {}): Command => ({
  type: 'RequestDelegatedAdmin',
  data: { grantId, name, roles: ['role-reader'], durationDays: 90, ...overrides },
});
export const rename = (grantId: string, name: string, overrides = {}): Command => ({
  type: 'UpdateDelegatedAdminRequest',
  data: { grantId, name, ...overrides },
});

/** A store with an active relationship for each of two customers of one partner. */
export async function twoCustomers(store: EventStore = inMemoryEventStore()) {
  const { handle } = server(store);
  for (const customerId of [fabrikam, tailspin]) {
    const asked: Command = {
      type: 'RequestResellerRelationship',
      data: { customer: { name: 'Customer' }, market: 'US' },
    };
    await handle(requestOf(asked, `ask ${customerId}`, customerId));
    const admin = { ...customerUser('CustomerGlobalAdmin'), tenant: customerId };
    await handle(
      requestOf({ type: 'AcceptResellerRelationship', data: {} }, `accept ${customerId}`, customerId, admin),
    );
  }
  return store;
}

/** The store, but what `before` throws or does comes before its appends. */
const withFault = (
  store: EventStore,
  before: (stream: string, events: readonly SealedEvent[]) => void | Promise<void>,
): EventStore => ({
  ...store,
  append: async (stream, events, expectedRevision) => {
    await before(stream, events);
    return store.append(stream, events, expectedRevision);
  },
});

/** The store, out of order once, for the first append with an event of that name. */
export function failingOnce(store: EventStore, type: string): EventStore {
  let failed = false;
  return withFault(store, (_, events) => {
    if (failed || events[0]!.type !== type) return;
    failed = true;
    throw new StoreUnavailable('The disk is full');
  });
}

/** The store, and something else happens once right before the first append with an event of that name. */
export function interrupted(store: EventStore, type: string, meanwhile: () => Promise<unknown>): EventStore {
  let done = false;
  return withFault(store, async (_, events) => {
    if (done || events[0]!.type !== type) return;
    done = true;
    await meanwhile();
  });
}

export const claims = async (store: EventStore, name: string): Promise<readonly RecordedEvent[]> =>
  store.read(grantNameStream(partner.tenantId, name));
export const claimNames = async (store: EventStore, name: string) =>
  (await claims(store, name)).map(({ type }) => type);
export const holderOf = (store: EventStore, name: string) =>
  server(store).names.ask(grantNameStream(partner.tenantId, name), ({ claim }) => claim?.claimedBy);
export const nameOf = (store: EventStore, grantId: string, customerId = fabrikam) =>
  server(store).ask(relationshipStream(partner.tenantId, customerId), ({ grants }) => {
    const grant = grants.get(grantId);
    return grant?.kind === 'gdap' ? grant.name : undefined;
  });

export const accepted = { outcome: 'accepted', replayed: false };
export const replayed = { outcome: 'accepted', replayed: true };
export const refusedAs = (code: string, details = {}) => ({ outcome: 'refused', rejection: { code, details } });
export const nameTaken = (name = 'Helpdesk') => refusedAs('NameNotUnique', { name });
