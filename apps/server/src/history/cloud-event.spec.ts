import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore } from '#event-sourcing';
import { cloudEvent, eventSchemaUri, serialiserOf } from './cloud-event.js';
import { guid, wholeLog, writing } from './testing-history.js';

// What CloudEvents 1.0.2 asks of an event in JSON (sections 3 of the specification and 2 of its JSON format).

describe('an event as it is serialised', () => {
  it('is a CloudEvent as the specification requires', async () => {
    const store = inMemoryEventStore();
    await writing(store)({ partner: 1, customer: 1, command: 'SuspendSubscription' });
    const [recorded] = await wholeLog(store);
    const { data, ...attributes } = cloudEvent(
      { ...recorded!, metadata: { ...recorded!.metadata, comment: 'moves to another partner' } },
      guid('f', 1),
    );
    expect(data).toEqual(recorded!.data);
    for (const [name, value] of Object.entries(attributes)) {
      expect(name).toMatch(/^[a-z0-9]{1,20}$/);
      // A string, or a whole number of 32 bits: no other type has a form in every protocol.
      if (typeof value === 'number') expect(value | 0).toBe(value);
      // eslint-disable-next-line no-control-regex -- control characters must not be there
      else expect(value).toMatch(/^[^\u0000-\u001f\u007f-\u009f]+$/);
    }
    expect(attributes).toMatchObject({ specversion: '1.0', id: recorded!.id, datacontenttype: 'application/json' });
    expect(new Date(attributes.time).toISOString()).toBe(attributes.time);
    for (const uri of [attributes.source, attributes.dataschema]) expect(new URL(uri).href).toBe(uri);
    expect(attributes.dataschema).toBe(eventSchemaUri('SubscriptionSuspended', 1));
  });

  it('is one line, whatever it contains', async () => {
    const store = inMemoryEventStore();
    await writing(store)({ partner: 1, customer: 1 });
    const [recorded] = await wholeLog(store);
    const { text } = serialiserOf('ledger')({ ...recorded!, data: { text: 'two\nlines\r\u2028' } });
    expect(text).not.toMatch(/[\n\r]/);
  });
});
