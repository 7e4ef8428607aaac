import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  canonicalJson,
  expectedHash,
  idOf,
  noPreviousHash,
  UnreadableEvent,
  type Json,
  type RecordedEvent,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import { roles } from './parties.js';
import { policyHash } from './policy.js';
import { chronicle, fullest, shapeOf } from './test-chronicle.js';
import {
  adminRequested,
  contactAssigned,
  context,
  established,
  now,
  partner,
  policyOf2020,
  purchased,
  reseller,
  spec,
} from './testing.js';

/** One event of each name as production wrote it, never to be edited: what is in the log can be read for ever. */
const examples = JSON.parse(
  readFileSync(new URL('./event-examples.json', import.meta.url), 'utf8'),
) as readonly RecordedEvent[];
const exampleOf = (type: string, schema = relationshipCodec.schemaOf(type)) =>
  examples.find((example) => example.type === type && example.metadata.schema === schema);
/** Examples are never edited; missing ones are written by `npm run event-examples`. */
const toDo = 'npm run event-examples writes what is missing to libs/customer-relationship/src/event-examples.json';

describe('The examples of events', () => {
  it.each(examples.map((example) => [example.type, example] as const))('%s is read', (type, example) => {
    const decoded = relationshipCodec.decode(example);
    // One of an earlier schema is lifted to what the event says today, and may say what was not known then.
    if (example.metadata.schema === relationshipCodec.schemaOf(type))
      expect(decoded).toEqual({ type, data: example.data });
    else expect(shapeOf(decoded.data as Json)).toMatchObject(shapeOf(exampleOf(type)!.data));
  });

  it.each(examples.map((example) => [example.type, example] as const))(
    '%s has the hash and id it asks for',
    (_, example) => {
      expect(expectedHash(example)).toBe(example.metadata.hash);
      expect(idOf(example.metadata.hash)).toBe(example.id);
    },
  );

  it('are one for each event of the catalogue and each of its schemas', () => {
    const inCatalogue = Object.keys(customerRelationship.evolve).flatMap((type) =>
      Array.from({ length: relationshipCodec.schemaOf(type) }, (_, index) => `${type}.${index + 1}`),
    );
    const found = examples.map(({ type, metadata }) => `${type}.${metadata.schema}`);
    expect({ found: found.sort(), toDo }).toEqual({ found: inCatalogue.sort(), toDo });
  });
});

describe('A software purchase of schema 1 (rule V7a)', () => {
  const written = exampleOf('SoftwarePurchased', 1)!;
  const lifted = (kind: string) =>
    relationshipCodec.decode({ ...written, data: { ...(written.data as object), kind } }).data;

  it('was decided under no renewal; a subscription may have renewed all the same', () => {
    expect(lifted('subscription')).toEqual({
      ...(written.data as object),
      kind: 'subscription',
      autoRenew: false,
      renewalUnknown: true,
    });
    expect(lifted('perpetual')).toEqual({ ...(written.data as object), kind: 'perpetual', autoRenew: false });
  });
});

describe('The events written today', () => {
  let log: readonly RecordedEvent[];
  // Before each test, not before all: mutation testing could not assign it to a test and would run everything for it.
  beforeEach(async () => {
    log = await chronicle();
  });

  it('are all there, each with every field that it can have in the example', () => {
    const missing = fullest(log).filter(({ type }) => !exampleOf(type));
    expect({ missing, toDo }).toEqual({ missing: [], toDo });
    expect(new Set(log.map(({ type }) => type))).toEqual(new Set(examples.map(({ type }) => type)));
  });

  it('have the fields of the examples; others are another schema with a number and a step of its own', () => {
    const current = fullest(log).filter(
      ({ type }) => exampleOf(type)?.metadata.schema === relationshipCodec.schemaOf(type),
    );
    expect(current.length).toBeGreaterThan(0);
    for (const { type, data } of current)
      expect({ type, ...shapeOf(data) }).toEqual({ type, ...shapeOf(exampleOf(type)!.data) });
  });

  it('have the metadata of the examples, and the name of the command, which came later', () => {
    const shapes = (metadata: readonly object[]) =>
      [...new Set(metadata.map((each) => canonicalJson(shapeOf(each as unknown as Json))))].sort();
    const today = fullest(log).map(({ metadata }) => metadata);
    const named = ({ metadata }: RecordedEvent) => ({ ...metadata, command: 'Any' });
    const unnamed = ({ metadata: { command: _, ...rest } }: Pick<RecordedEvent, 'metadata'>) => rest;
    expect(shapes(today.map((metadata) => unnamed({ metadata })))).toEqual(shapes(examples.map(unnamed)));
    expect(shapes(today)).toEqual(shapes(examples.map(named)));
  });

  it('form a chain of hashes in each stream', () => {
    for (const [index, event] of log.entries()) {
      expect(expectedHash(event)).toBe(event.metadata.hash);
      const previous = log.slice(0, index).findLast(({ stream }) => stream === event.stream);
      expect(event.metadata.previousHash).toBe(previous?.metadata.hash ?? noPreviousHash);
    }
  });
});

describe('An event of another time', () => {
  const example = exampleOf('SubscriptionSuspended')!;

  it('is refused loudly when this release does not know its name or its schema', () => {
    expect(() => relationshipCodec.decode({ ...example, type: 'SubscriptionPaused' })).toThrow(UnreadableEvent);
    for (const schema of [0, 2])
      expect(() => relationshipCodec.decode({ ...example, metadata: { ...example.metadata, schema } })).toThrow(
        UnreadableEvent,
      );
  });
});

describe('The largest removal that the limits allow', () => {
  // KurrentDB's default limit of one append: data, metadata, and types with two bytes a character.
  const oneMebibyte = 1024 * 1024;
  const { designations, grants } = policyOf2020.limits;
  const longestId = (number: number) => String(number).padStart(64, 'i');
  // Four bytes each in UTF-8, the most that a character takes.
  const text = (length: number) => '𠀋'.repeat(length);

  it('fits one append', () => {
    const contact = { tenantId: reseller.tenantId, partnerId: longestId(0), name: text(120) };
    const history = given(designations, (index) => [
      purchased(longestId(index), { kind: 'legacy' }),
      contactAssigned(longestId(index), { contact }),
    ]);
    const requests = given(grants, (index) => [adminRequested(longestId(index), { name: text(50) })]);
    const suspended = given(designations, (index) => [
      {
        type: 'SubscriptionSuspended' as const,
        data: { subscriptionId: longestId(index), reason: 'nonPayment' as const, suspendedAt: now },
      },
    ]);
    const state = spec.given(...established, ...history, ...suspended, ...requests).state();
    const events = customerRelationship.decide.RemoveResellerRelationship(state, { noticeGiven: true }, context);
    expect(events).toHaveLength(1 + designations + grants);

    const metadata = {
      actor: { id: 'u'.repeat(128), kind: 'partnerUser', roles, tenant: partner.tenantId },
      causationId: longestId(0),
      correlationId: longestId(0),
      commandId: longestId(0),
      commandHash: 'f'.repeat(64),
      policy: { name: policyOf2020.name, hash: policyHash(policyOf2020) },
      recordedAt: now,
      schema: 1,
    };
    const sealed = seal(
      relationshipStream(partner.tenantId, context.customerId),
      1_000_000,
      noPreviousHash,
      events.map(({ type, data }, index) => ({
        type,
        data: data as Json,
        metadata: { ...metadata, ...(index === 0 ? { comment: text(1000) } : {}) },
      })),
    );
    const sizeOf = (json: unknown) => Buffer.byteLength(JSON.stringify(json));
    const bytes = sealed
      .map(({ type, data, metadata }) => sizeOf(data) + sizeOf(metadata) + 2 * type.length)
      .reduce((sum, size) => sum + size);
    expect(bytes).toBeLessThan(oneMebibyte);
    // Neither is the bound needlessly far away: the limits are about this size.
    expect(bytes).toBeGreaterThan(oneMebibyte / 2);
  });

  function given<Event>(count: number, make: (index: number) => readonly Event[]): Event[] {
    return Array.from({ length: count }, (_, index) => make(index)).flat();
  }
});
