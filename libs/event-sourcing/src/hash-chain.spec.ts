import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedEvent } from './event-store.js';
import { chainFaults, expectedHash, idOf, noPreviousHash } from './hash-chain.js';
import { seal } from './testing-events.js';

// As production wrote it. Never edit: a change of the hash makes every stored chain unreadable.
const frozen = `{
  "position": 42,
  "stream": "counter-7",
  "revision": 3,
  "id": "74c1b1d4-b67c-8e33-aec5-ff6d23aaedf9",
  "type": "CounterIncreased",
  "data": { "by": 2, "note": "één €", "tags": [], "parent": null },
  "metadata": {
    "actor": { "id": "user-7", "kind": "user", "roles": ["agent"], "tenant": "reseller-1" },
    "causationId": "0198f0a2-0000-7000-8000-000000000001",
    "comment": "by telephone",
    "commandHash": "1111111111111111111111111111111111111111111111111111111111111111",
    "commandId": "0198f0a2-0000-7000-8000-000000000002",
    "correlationId": "0198f0a2-0000-7000-8000-000000000003",
    "hash": "74c1b1d4b67cee33eec5ff6d23aaedf9e7b9034abf563b4aeab6ea9fc7fe07b0",
    "policy": { "name": "standard", "hash": "2222222222222222222222222222222222222222222222222222222222222222" },
    "previousHash": "3333333333333333333333333333333333333333333333333333333333333333",
    "recordedAt": "2026-03-01T12:34:56.789Z",
    "schema": 1
  }
}`;

const metadata = {
  actor: { id: 'user-7', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
  causationId: 'cause',
  commandHash: 'c',
  commandId: 'command',
  correlationId: 'journey',
  policy: { name: 'standard', hash: 'p' },
  recordedAt: '2026-03-01T12:34:56.789Z',
  schema: 1,
};

describe('the hash of an event', () => {
  it('is for ever the one that production wrote', () => {
    const event = JSON.parse(frozen) as RecordedEvent;

    expect(expectedHash(event)).toBe(event.metadata.hash);
    expect(idOf(event.metadata.hash)).toBe(event.id);
  });

  it('is SHA-256 over the canonical envelope without id, hash and position', () => {
    const [event] = sealedEvents(1);
    const { hash, ...metadata } = event!.metadata;
    // Written out by hand in the order of RFC 8785, independently of the code under test.
    const envelope =
      `{"data":{"by":0},"metadata":{"actor":{"id":"user-7","kind":"user","roles":["agent"],"tenant":"reseller-1"},` +
      `"causationId":"cause","commandHash":"c","commandId":"command","correlationId":"journey",` +
      `"policy":{"hash":"p","name":"standard"},"previousHash":"${noPreviousHash}","recordedAt":"2026-03-01T12:34:56.789Z",` +
      `"schema":1},"revision":5,"stream":"counter-7","type":"CounterIncreased"}`;

    expect(hash).toBe(createHash('sha256').update(envelope).digest('hex'));
    expect(metadata.previousHash).toBe(noPreviousHash);
  });

  it('changes with every field of the envelope', () => {
    const event = JSON.parse(frozen) as RecordedEvent;
    const tampered: Record<string, unknown>[] = pathsIn(event)
      .filter((path) => !['id', 'position', 'metadata.hash'].includes(path.join('.')))
      .map((path) => withChange(event, path));

    expect(tampered.length).toBeGreaterThan(20);
    for (const copy of tampered) expect([expectedHash(copy as never), copy]).not.toEqual([event.metadata.hash, copy]);
  });

  it('changes when a field is added or taken away', () => {
    const event = JSON.parse(frozen) as RecordedEvent;
    const { comment: _, ...withoutComment } = event.metadata;

    expect(expectedHash({ ...event, metadata: withoutComment })).not.toBe(event.metadata.hash);
    expect(expectedHash({ ...event, metadata: { ...event.metadata, extra: null } as never })).not.toBe(
      event.metadata.hash,
    );
    expect(expectedHash({ ...event, data: { ...(event.data as object), extra: 0 } })).not.toBe(event.metadata.hash);
  });

  it('does not depend on the order in which a database gives the members back', () => {
    const event = JSON.parse(frozen) as RecordedEvent;
    const reversed = Object.fromEntries(
      Object.entries(event.metadata).reverse(),
    ) as unknown as RecordedEvent['metadata'];

    expect(expectedHash({ ...event, metadata: reversed })).toBe(event.metadata.hash);
  });
});

describe('a chain', () => {
  it('begins with zeros and links every event to the one before it', () => {
    const events = sealedEvents(4);

    expect(noPreviousHash).toMatch(/^0{64}$/);
    expect(events.map(({ metadata }) => metadata.previousHash)).toEqual([
      noPreviousHash,
      ...events.slice(0, 3).map(({ metadata }) => metadata.hash),
    ]);
    for (const [index, event] of events.entries())
      expect(expectedHash({ ...event, stream: 'counter-7', revision: 5 + index })).toBe(event.metadata.hash);
  });

  it('holds no two events alike: another stream, place, time or predecessor is another id', () => {
    const one = { type: 'CounterIncreased', data: { by: 1 }, metadata };
    const ids = [
      seal('a', 0, noPreviousHash, [one]),
      seal('b', 0, noPreviousHash, [one]),
      seal('a', 1, noPreviousHash, [one]),
      seal('a', 0, 'f'.repeat(64), [one]),
      seal('a', 0, noPreviousHash, [{ ...one, metadata: { ...metadata, recordedAt: '2026-03-01T12:34:56.790Z' } }]),
      seal('a', 0, noPreviousHash, [one, one]),
    ].flatMap((events) => events.map(({ id }) => id));

    // The first event of the last attempt is the first of all: the same content in the same place.
    expect(ids[5]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(6);
  });

  it('of no events is empty', () => {
    expect(seal('a', 0, noPreviousHash, [])).toEqual([]);
  });
});

describe('the faults of an event in a chain', () => {
  const place = { stream: 'counter-7', revision: 6 };
  const [first, second] = sealedEvents(2);
  const event = { ...second!, ...place };
  const previousHash = first!.metadata.hash;
  const problems = (...args: Parameters<typeof chainFaults>) => chainFaults(...args).map(({ problem }) => problem);

  it('are none where it was written, nor for the first of a stream', () => {
    expect(problems(event, previousHash)).toEqual([]);
    expect(problems({ ...first!, ...place, revision: 5 }, noPreviousHash)).toEqual([]);
  });

  it.each([
    ['its content', { ...event, data: { by: 99 } }, ['hashMismatch']],
    ['its place', { ...event, revision: 7 }, ['hashMismatch']],
    ['its id', { ...event, id: first!.id }, ['idMismatch']],
    ['its hash', { ...event, metadata: { ...event.metadata, hash: previousHash } }, ['hashMismatch', 'idMismatch']],
    [
      'its link, with a hash rebuilt',
      { ...seal('counter-7', 6, noPreviousHash, [{ type: event.type, data: event.data, metadata }])[0]!, ...place },
      ['chainBroken'],
    ],
    [
      'its link alone',
      { ...event, metadata: { ...event.metadata, previousHash: noPreviousHash } },
      ['hashMismatch', 'chainBroken'],
    ],
  ])('are reported when %s was changed', (_, changed, expected) => {
    expect(problems(changed, previousHash)).toEqual(expected);
  });

  it('are those of the event alone after one that cannot be read', () => {
    expect(problems(event, undefined)).toEqual([]);
    expect(problems({ ...event, data: { by: 99 } }, undefined)).toEqual(['hashMismatch']);
    expect(problems(event, noPreviousHash)).toEqual(['chainBroken']);
  });
});

describe('an event id', () => {
  const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);

  it('is a UUID of version 8 with the variant of RFC 9562', () => {
    fc.assert(
      fc.property(sha256, (hash) =>
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(idOf(hash)),
      ),
    );
  });

  it('holds the first bits of the hash, all but the six that say what it is', () => {
    fc.assert(
      fc.property(sha256, (hash) => {
        const id = BigInt(`0x${idOf(hash).replaceAll('-', '')}`);
        const taken = BigInt(`0x${hash.slice(0, 32)}`);
        const overwritten = (0xfn << 76n) | (0x3n << 62n);
        return (id & ~overwritten) === (taken & ~overwritten);
      }),
    );
  });
});

function sealedEvents(count: number) {
  const events = Array.from({ length: count }, (_, by) => ({ type: 'CounterIncreased', data: { by }, metadata }));
  return seal('counter-7', 5, noPreviousHash, events);
}

/** The paths of all values that hold no other one. */
function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, member]) => pathsIn(member, [...path, key]));
}

/** A copy with another value at one path. */
function withChange(event: object, path: readonly string[]): Record<string, unknown> {
  const copy = structuredClone(event) as Record<string, unknown>;
  const last = path.at(-1)!;
  let parent = copy;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  const value = parent[last];
  parent[last] = typeof value === 'number' ? value + 1 : typeof value === 'string' ? `${value} ` : 'something';
  return copy;
}
