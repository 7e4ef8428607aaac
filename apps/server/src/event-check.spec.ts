import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { grantNameCodec, journalCodec, relationshipCodec } from '#customer-relationship';
import { InvalidEvent, noPreviousHash, type Json, type UnsealedEvent, type UnsealedMetadata } from '#event-sourcing';
import { eventCheck, sealOfRelease } from './event-check.js';
import { eventSchemas } from './contract/schemas.js';
import { securityJournalCodec } from './security-journal/security-journal-events.js';

const metadata: UnsealedMetadata = {
  actor: { id: 'user-7', kind: 'partnerUser', roles: ['AdminAgent'], tenant: 'a1000000-0000-4000-8000-000000000001' },
  causationId: 'cause',
  command: 'SuspendSubscription',
  commandHash: 'c'.repeat(64),
  commandId: 'command',
  correlationId: 'journey',
  policy: { name: 'standard', hash: 'd'.repeat(64) },
  recordedAt: '2026-03-01T12:34:56.789Z',
  schema: 1,
};
const suspended = { subscriptionId: 'sub-1', reason: 'fraud', suspendedAt: '2026-03-01T12:34:56.789Z' };
const event = (data: Json, changed: object = {}): UnsealedEvent => ({
  type: 'SubscriptionSuspended',
  data,
  metadata: { ...metadata, ...changed },
});

interface Example {
  readonly type: string;
  readonly data: Json;
  readonly metadata: UnsealedMetadata;
}
const examples = [
  'libs/customer-relationship/src/event-examples.json',
  'libs/customer-relationship/src/journal-examples.json',
  'apps/server/src/security-journal/security-journal-examples.json',
].flatMap((path) => JSON.parse(readFileSync(path, 'utf8')) as readonly Example[]);

describe('an event is sealed', () => {
  it.each(examples.map((example) => [`${example.type}, schema ${example.metadata.schema}`, example] as const))(
    'as production wrote it, by the number it carries: %s',
    (_, example) => {
      expect(eventCheck(example)).toBeUndefined();
      expect(sealOfRelease('a', 0, noPreviousHash, [example])).toHaveLength(1);
    },
  );

  it('whatever this release writes: each has a schema of its number', () => {
    const written = [relationshipCodec, grantNameCodec, journalCodec, securityJournalCodec];
    const names = [...eventSchemas().keys()].map((name) => name.split('.')[0]!);
    for (const codec of written)
      for (const name of names) {
        const schema = schemaIn(codec, name);
        if (schema !== undefined) expect([...eventSchemas().keys()]).toContain(`${name}.${schema}`);
      }
  });
});

describe('an event is not sealed', () => {
  it.each<[what: string, data: Json, pointer: string]>([
    ['without a field', { subscriptionId: 'sub-1', reason: 'fraud' }, '/data/suspendedAt'],
    ['with a field more', { ...suspended, more: true }, '/data/more'],
    ['with a field more whose name a pointer must escape', { ...suspended, 'a/b~c': 1 }, '/data/a~1b~0c'],
    ['with an unknown word', { ...suspended, reason: 'whim' }, '/data/reason'],
    ['with a field of another kind', { ...suspended, subscriptionId: 7 }, '/data/subscriptionId'],
    ['with null', { ...suspended, subscriptionId: null }, '/data/subscriptionId'],
    ['with a time that is none', { ...suspended, suspendedAt: 'yesterday' }, '/data/suspendedAt'],
    ['with a time that does not sort', { ...suspended, suspendedAt: '2026-03-01T12:34:56Z' }, '/data/suspendedAt'],
    ['with a time elsewhere', { ...suspended, suspendedAt: '2026-03-01T12:34:56.789+01:00' }, '/data/suspendedAt'],
    ['with a day that is none', { ...suspended, suspendedAt: '2026-02-30T12:34:56.789Z' }, '/data/suspendedAt'],
    ['as a list', [], '/data'],
    ['as nothing', null, '/data'],
  ])('%s', (_, data, pointer) => {
    expect(eventCheck(event(data))).toMatchObject({ pointer });
    expect(() => sealOfRelease('a', 0, noPreviousHash, [event(suspended), event(data)])).toThrow(InvalidEvent);
  });

  it.each<[what: string, type: string, data: Json, pointer: string]>([
    [
      'deep in a list, where an array stands for an object',
      'SoftwarePurchased',
      {
        purchaseId: 'sw-1',
        kind: 'perpetual',
        publisher: 'microsoft',
        name: 'Server',
        lineItems: [[]],
        boughtBy: 'partner',
        cancellationAllowedUntil: metadata.recordedAt,
        purchasedAt: metadata.recordedAt,
      },
      '/data/lineItems/0',
    ],
    ['of an unknown type', 'SubscriptionForgotten', suspended, '/metadata/schema'],
  ])('%s', (_, type, data, pointer) => {
    expect(eventCheck({ type, data, metadata })).toMatchObject({ pointer });
  });

  it.each<[what: string, changed: object, pointer: string]>([
    ['of a number that does not exist', { schema: 7 }, '/metadata/schema'],
    ['with more in its metadata', { note: 'x' }, '/metadata/note'],
    ['without a command id', { commandId: undefined }, '/metadata/commandId'],
    ['recorded at no time', { recordedAt: 'today' }, '/metadata/recordedAt'],
    ['with the name of a person', { actor: { ...metadata.actor, name: 'Ann' } }, '/metadata/actor/name'],
    ['with roles that are no list', { actor: { ...metadata.actor, roles: 'AdminAgent' } }, '/metadata/actor/roles'],
    ['under a policy without a hash', { policy: { name: 'standard', hash: '' } }, '/metadata/policy/hash'],
  ])('%s', (_, changed, pointer) => {
    expect(eventCheck(event(suspended, changed))).toMatchObject({ pointer });
  });

  it('and what is said of it holds nothing of what stands in it', () => {
    const secret = 'Ann of Utrecht';
    const fault = eventCheck(event({ ...suspended, reason: secret, suspendedAt: secret }));
    expect(JSON.stringify(fault)).not.toContain(secret);
  });
});

function schemaIn({ schemaOf }: { readonly schemaOf: (type: string) => number }, name: string): number | undefined {
  try {
    return schemaOf(name);
  } catch {
    return undefined;
  }
}
