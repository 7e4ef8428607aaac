import { describe, expect, it } from '@jest/globals';
import { eventCodec, EventOfNewerRelease, UnreadableEvent } from './event-codec.js';
import type { RecordedEvent } from './event-store.js';
import type { Json } from './message.js';

interface Events {
  AddressChanged: { readonly street: string; readonly number: string; readonly country: string };
  CustomerGreeted: { readonly greeting: string };
}

const codec = eventCodec<Events>({
  events: { AddressChanged: null, CustomerGreeted: null },
  schemas: { AddressChanged: 3 },
  upcasts: {
    'AddressChanged@1': (data) => {
      const { line } = data as { line: string };
      const [, street, number] = /^(.*) (\S+)$/.exec(line)!;
      return { street: street!, number: number! };
    },
    'AddressChanged@2': (data) => ({ ...(data as object), country: 'NL' }),
  },
});

describe('a codec', () => {
  it('passes the current schema on as it is', () => {
    const data = { street: 'Dam', number: '1', country: 'NL' };
    const decoded = codec.decode(recorded('AddressChanged', 3, data));

    expect(decoded).toEqual({ type: 'AddressChanged', data });
    expect(decoded.data).toBe(data);
  });

  it('lifts an old payload through every step there is', () => {
    expect(codec.decode(recorded('AddressChanged', 1, { line: 'Lange Dreef 11a' }))).toEqual({
      type: 'AddressChanged',
      data: { street: 'Lange Dreef', number: '11a', country: 'NL' },
    });
    expect(codec.decode(recorded('AddressChanged', 2, { street: 'Dam', number: '1' })).data).toMatchObject({
      country: 'NL',
    });
  });

  it('leaves the recorded event as it stands in the log', () => {
    const event = recorded('AddressChanged', 1, { line: 'Dam 1' });
    const before = structuredClone(event);
    codec.decode(event);

    expect(event).toEqual(before);
  });

  it('knows the current schema of every event', () => {
    expect(codec.schemaOf('AddressChanged')).toBe(3);
    expect(codec.schemaOf('CustomerGreeted')).toBe(1);
    expect(() => codec.schemaOf('CustomerForgotten')).toThrow('CustomerForgotten is not in the catalogue');
    expect(() => codec.schemaOf('toString')).toThrow('not in the catalogue');
  });

  it.each([
    ['a name it does not know', recorded('CustomerForgotten', 1), 'does not know that name'],
    ['a name that every object knows', recorded('constructor', 1), 'does not know that name'],
    ['a schema from the future', recorded('AddressChanged', 4), 'knows schemas up to 3'],
    ['a schema before the first', recorded('AddressChanged', 0), 'start at 1'],
    ['half a schema', recorded('AddressChanged', 1.5), 'start at 1'],
    ['no schema at all', recorded('AddressChanged', undefined as unknown as number), 'start at 1'],
  ])('refuses %s loudly, and says where it stands', (_, event, why) => {
    expect(() => codec.decode(event)).toThrow(UnreadableEvent);
    expect(() => codec.decode(event)).toThrow(why);
    expect(() => codec.decode(event)).toThrow('at position 99, stream customer-1 revision 7');
  });

  it('distinguishes what a newer release can read from what none can', () => {
    for (const event of [recorded('CustomerForgotten', 1), recorded('AddressChanged', 4)])
      expect(() => codec.decode(event)).toThrow(EventOfNewerRelease);
    expect(() => codec.decode(recorded('AddressChanged', 0))).not.toThrow(EventOfNewerRelease);
  });

  it('refuses an old payload when a step is missing', () => {
    const { decode } = eventCodec<Events>({
      events: { AddressChanged: null, CustomerGreeted: null },
      schemas: { AddressChanged: 3 },
      upcasts: { 'AddressChanged@1': (data) => data },
    });

    expect(() => decode(recorded('AddressChanged', 1))).toThrow('no step from schema 2');
  });
});

function recorded(type: string, schema: number, data: Json = {}): RecordedEvent {
  return {
    stream: 'customer-1',
    revision: 7,
    position: 99,
    id: 'id',
    type,
    data,
    metadata: {
      actor: { id: 'user-7', kind: 'user', roles: [], tenant: 'reseller-1' },
      causationId: '',
      commandHash: '',
      commandId: '',
      correlationId: '',
      hash: '',
      policy: { name: '', hash: '' },
      previousHash: '',
      recordedAt: '2026-03-01T12:34:56.789Z',
      schema,
    },
  };
}
