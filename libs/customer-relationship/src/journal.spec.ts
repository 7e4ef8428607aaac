import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { expectedHash, idOf, UnreadableEvent, type RecordedEvent } from '#event-sourcing';
import { pairOf, relationshipStream } from './customer-relationship.js';
import { journalCodec, journaledPairOf, journalStream } from './journal.js';
import { context, partner } from './testing.js';

/** One event of each name as production wrote it, never to be edited: what is in the log can be read for ever. */
const examples = JSON.parse(
  readFileSync(new URL('./journal-examples.json', import.meta.url), 'utf8'),
) as readonly RecordedEvent[];
const pair = { partnerId: partner.tenantId, customerId: context.customerId };

describe('The journal of a relationship', () => {
  it('has a stream of its own, which names the pair and is not taken for the relationship', () => {
    const journal = journalStream(pair.partnerId, pair.customerId);
    expect(journaledPairOf(journal)).toEqual(pair);
    expect(pairOf(journal)).toBeUndefined();
    expect(journaledPairOf(relationshipStream(pair.partnerId, pair.customerId))).toBeUndefined();
    expect(journaledPairOf(`${journal}-more`)).toBeUndefined();
  });
});

describe('The examples of journal events', () => {
  it('are one for each event of the catalogue', () => {
    expect(examples.map(({ type }) => type)).toEqual(['CommandRejected']);
  });

  it.each(examples.map((example) => [example.type, example] as const))(
    '%s is read, has the hash and id it asks for, and names its pair',
    (type, example) => {
      expect(journalCodec.decode(example)).toEqual({ type, data: example.data });
      expect(expectedHash(example)).toBe(example.metadata.hash);
      expect(idOf(example.metadata.hash)).toBe(example.id);
      expect(journaledPairOf(example.stream)).toBeDefined();
    },
  );

  it('are refused loudly when this release does not know their name or their schema', () => {
    const [example] = examples as readonly [RecordedEvent];
    expect(() => journalCodec.decode({ ...example, type: 'CommandAbandoned' })).toThrow(UnreadableEvent);
    expect(() => journalCodec.decode({ ...example, metadata: { ...example.metadata, schema: 2 } })).toThrow(
      UnreadableEvent,
    );
  });
});
