import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  customerRelationship,
  defaultPolicy,
  pairOf,
  policies,
  policyHash,
  relationshipCodec,
  relationshipStream,
  removalReadiness,
} from '#customer-relationship';
import { foldEvents, inMemoryEventStore, type EventStore, type RecordedEvent } from '#event-sourcing';
import { customers, partners, randomFrom, randomHistory } from '../../../../test/random-history.js';
import type { Moment } from './moment.js';
import { eventsUntil, relationshipThen } from './relationship-then.js';

async function logOf(store: EventStore): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  const head = await store.head();
  for await (const { events, position } of store.subscribe({ after: 0, signal: new AbortController().signal })) {
    all.push(...events);
    if (position >= head) break;
  }
  return all;
}

/** The answer to a question, or the name of its refusal. */
const said = (ask: () => unknown) => {
  try {
    return ask();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
};

function foldedOf(events: readonly RecordedEvent[]) {
  const state = customerRelationship.initialState();
  foldEvents(customerRelationship, relationshipCodec, events, state);
  return state;
}

describe('A relationship as it stood', () => {
  it.each([31, 32])(
    'is the fold of the events that count, and a removal would have met just that (history %i)',
    async (seed) => {
      const random = randomFrom(seed);
      const store = inMemoryEventStore();
      await randomHistory(store, random).append(1_200);
      const log = await logOf(store);
      const any = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
      const codes = new Set<unknown>();

      for (let round = 0; round < 200; round++) {
        const { tenantId } = any(partners);
        const stream = relationshipStream(tenantId, any(customers));
        const some = any(log);
        const at = new Date(Date.parse(some.metadata.recordedAt) - (round % 2)).toISOString();
        const ofStream = log.filter((event) => event.stream === stream);
        const moments: [Moment, (event: RecordedEvent) => boolean][] = [
          [{ kind: 'position', position: some.position }, ({ position }) => position <= some.position],
          [{ kind: 'time', at }, ({ metadata }) => metadata.recordedAt <= at],
        ];
        if (ofStream.length > 0) {
          const { revision } = any(ofStream);
          moments.push([{ kind: 'revision', revision }, (event) => event.revision <= revision]);
        }
        for (const [moment, counts] of moments) {
          const counted = ofStream.filter(counts);
          const last = counted.at(-1);
          if (!last) {
            await expect(relationshipThen(store, stream, moment)).rejects.toMatchObject({
              code: 'RelationshipNotFound',
            });
            continue;
          }
          const then = await relationshipThen(store, stream, moment);
          const state = foldedOf(counted);
          const asOf = moment.kind === 'time' ? at : last.metadata.recordedAt;
          expect(then).toMatchObject({ state, revision: last.revision, position: last.position, asOf });
          const readiness = said(() => removalReadiness(then.state, then.policy(), then.asOf, 'directBillPartner'));
          expect(readiness).toEqual(said(() => removalReadiness(state, defaultPolicy, asOf, 'directBillPartner')));
          codes.add(typeof readiness === 'string' ? readiness : 'answered');
        }
      }
      expect(codes).toContain('answered');
      expect(codes).toContain('RelationshipNotActive');
    },
  );

  it.each([255, 256, 257, 600])('of %i events is folded page by page, with a pause between them', async (length) => {
    const examples = JSON.parse(
      readFileSync(resolve('libs/customer-relationship/src/event-examples.json'), 'utf8'),
    ) as readonly RecordedEvent[];
    const like = (type: string) => examples.find((each) => each.type === type)!;
    const stream = relationshipStream(partners[0]!.tenantId, customers[0]!);
    const events = Array.from({ length }, (_, revision): RecordedEvent => {
      const { data, metadata, ...rest } = like(
        revision === 0 ? 'ResellerRelationshipRequested' : 'CustomerProfileUpdated',
      );
      const recordedAt = new Date(Date.UTC(2026, 0, 1, 0, 0, revision)).toISOString();
      return {
        ...rest,
        stream,
        revision,
        position: 10 * (revision + 1),
        data: { ...(data as object), ...(revision > 0 ? { name: `Name ${revision}` } : {}) },
        metadata: { ...metadata, recordedAt },
      };
    });
    const store: Pick<EventStore, 'read' | 'head'> = {
      head: () => Promise.resolve(10 * length),
      read: (_, { from = 0, to = Infinity } = {}) => Promise.resolve(events.slice(from, to + 1)),
    };
    let pauses = 0;
    const pause = () => Promise.resolve(void pauses++);

    for (const revision of [0, 254, 255, 256, length - 1].filter((each) => each < length)) {
      const { position, metadata } = events[revision]!;
      const moments: Moment[] = [
        { kind: 'revision', revision },
        { kind: 'position', position: position + 9 },
        { kind: 'time', at: metadata.recordedAt },
      ];
      if (revision === length - 1) moments.splice(1, 1, { kind: 'position', position });
      for (const moment of moments) {
        const then = await relationshipThen(store, stream, moment, pause);
        expect([then.revision, then.position]).toEqual([revision, position]);
        expect(then.state).toEqual(foldedOf(events.slice(0, revision + 1)));
      }
    }
    // Events after the moment are not read.
    pauses = 0;
    await relationshipThen(store, stream, { kind: 'position', position: events[0]!.position }, pause);
    expect(pauses).toBe(0);
    await expect(relationshipThen(store, stream, { kind: 'revision', revision: length }, pause)).rejects.toMatchObject({
      code: 'InvalidQuery',
    });
    await expect(
      relationshipThen(inMemoryEventStore(), stream, { kind: 'revision', revision: length }),
    ).rejects.toMatchObject({ code: 'RelationshipNotFound' });
    pauses = 0;
    await eventsUntil(store, stream, undefined, pause);
    expect(pauses).toBe(Math.floor(length / 256));
  });

  it('is answered under the policy of its last event, and not at all under an unknown one', async () => {
    const store = inMemoryEventStore();
    await randomHistory(store, randomFrom(33)).append(300);
    const [first] = (await logOf(store)).filter(({ stream }) => pairOf(stream));
    const later = policies['partner-center-later']!;
    const under = (policy: RecordedEvent['metadata']['policy']) => ({
      head: () => store.head(),
      read: async (stream: string) =>
        (await store.read(stream)).map((event) => ({ ...event, metadata: { ...event.metadata, policy } })),
    });
    const moment: Moment = { kind: 'revision', revision: 0 };
    for (const hash of [
      policyHash(later),
      // As older events name it, from when a policy held the rights of all commands.
      '8a91e5f8adaaabcc3ab6804ce94f462dcab8e0484399a6c0a05892021bf301a6',
    ]) {
      const then = await relationshipThen(under({ name: later.name, hash }), first!.stream, {
        kind: 'time',
        at: first!.metadata.recordedAt,
      });
      expect(then.policy()).toBe(later);
    }
    // A policy of the same name with other values is another policy.
    for (const policy of [
      { name: later.name, hash: policyHash(defaultPolicy) },
      { name: 'of-another-time', hash: policyHash(later) },
    ]) {
      const unknown = await relationshipThen(
        { head: () => store.head(), read: async () => (await under(policy).read(first!.stream)).slice(0, 1) },
        first!.stream,
        moment,
      );
      expect(said(() => unknown.policy())).toBe('PolicyUnknown');
    }
  });
});
