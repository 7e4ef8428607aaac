import { describe, expect, it } from '@jest/globals';
import { placeOf } from './event-log.js';
import { eventLogOf, requireEventLog } from './event-log-settings.js';
import { BadConfiguration, exitCodeOf } from '#program';

const database = { EVENT_STORE: 'kurrentdb', LEDGER_EVENT_STORE_URL: 'esdb://ledger:hidden-word@db-1:2113?tls=true' };

describe('where the log is', () => {
  it('is a file in the data directory by default', () => {
    expect(eventLogOf({}, '/data')).toEqual({
      log: { store: 'sqlite', eventsFile: '/data/events.sqlite' },
      faults: [],
      notices: [],
    });
    expect(eventLogOf({ EVENT_STORE: '', LEDGER_EVENT_STORE_URL: '' }, '/data').log.store).toBe('sqlite');
  });

  it('is a database with the address and the prefix that are set', () => {
    expect(eventLogOf(database, '/data')).toEqual({
      log: {
        store: 'kurrentdb',
        url: database.LEDGER_EVENT_STORE_URL,
        streamPrefix: 'ResellerLedger.',
        allowInsecure: false,
      },
      faults: [],
      notices: [],
    });
    expect(
      eventLogOf({ ...database, LEDGER_STREAM_PREFIX: 'Staging-2.', ALLOW_INSECURE_EVENTSTORE: 'true' }, '/data').log,
    ).toMatchObject({ streamPrefix: 'Staging-2.', allowInsecure: true });
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ EVENT_STORE: 'postgres' }, /^EVENT_STORE must be one of sqlite, kurrentdb, but is "postgres"$/],
    [{ EVENT_STORE: 'kurrentdb' }, /^LEDGER_EVENT_STORE_URL must be set with EVENT_STORE=kurrentdb/],
    [
      { ...database, LEDGER_EVENT_STORE_URL: 'https://u:hidden-word@db:2113' },
      /^LEDGER_EVENT_STORE_URL must begin with esdb:/,
    ],
    [{ ...database, LEDGER_EVENT_STORE_URL: 'kurrentdb://u:hidden-word@db:2113' }, /how this client spells kurrentdb:/],
    [{ ...database, LEDGER_STREAM_PREFIX: 'Ledger' }, /^LEDGER_STREAM_PREFIX must be letters.*"Ledger"$/],
    [{ ...database, LEDGER_STREAM_PREFIX: '$$Ledger.' }, /^LEDGER_STREAM_PREFIX must be/],
    [{ ...database, LEDGER_STREAM_PREFIX: 'Ledger.Test.' }, /^LEDGER_STREAM_PREFIX must be/],
    [
      { ...database, ALLOW_INSECURE_EVENTSTORE: 'yes' },
      /^ALLOW_INSECURE_EVENTSTORE must be true or false, but is "yes"/,
    ],
    [{ LEDGER_EVENT_STORE_URL: 'esdb://db:2113' }, /^EVENT_STORE must be kurrentdb with LEDGER_EVENT_STORE_URL, which/],
    [{ EVENT_STORE: 'sqlite', LEDGER_STREAM_PREFIX: 'L.' }, /^EVENT_STORE must be kurrentdb with LEDGER_STREAM_PREFIX/],
    [{ ALLOW_INSECURE_EVENTSTORE: 'true' }, /^EVENT_STORE must be kurrentdb with ALLOW_INSECURE_EVENTSTORE/],
  ])('is not known with %j', (env, fault) => {
    const { faults } = eventLogOf(env, '/data');
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults.join()).not.toContain('hidden-word');
    const refused = () => requireEventLog(env, '/data');
    expect(refused).toThrow(BadConfiguration);
    expect(refused).toThrow(faults[0]);
  });

  it('is found under the former names of its variables too, with a notice for each', () => {
    const former = { EVENT_STORE: 'kurrentdb', EVENTSTORE_URL: 'esdb://db:2113', EVENTSTORE_STREAM_PREFIX: 'Old.' };
    const { log, faults, notices } = eventLogOf(former, '/data');
    expect(log).toMatchObject({ url: 'esdb://db:2113', streamPrefix: 'Old.' });
    expect(faults).toEqual([]);
    expect(notices).toEqual([
      expect.stringMatching(/^EVENTSTORE_URL is called LEDGER_EVENT_STORE_URL now/),
      expect.stringMatching(/^EVENTSTORE_STREAM_PREFIX is called LEDGER_STREAM_PREFIX now/),
    ]);
    const both = eventLogOf({ ...former, LEDGER_EVENT_STORE_URL: 'esdb://db:2113' }, '/data');
    expect([both.faults, both.notices.length]).toEqual([[], 2]);
  });

  it('is not known when a variable and its former name say different things', () => {
    const env = { ...database, EVENTSTORE_URL: 'esdb://u:hidden-word@other:2113', EVENTSTORE_STREAM_PREFIX: 'L.' };
    const { faults } = eventLogOf({ ...env, LEDGER_STREAM_PREFIX: 'M.' }, '/data');
    expect(faults).toEqual([
      expect.stringMatching(/^LEDGER_EVENT_STORE_URL and EVENTSTORE_URL, its former name, are set to different values/),
      expect.stringMatching(/^LEDGER_STREAM_PREFIX and EVENTSTORE_STREAM_PREFIX, its former name/),
    ]);
    expect(faults.join()).not.toContain('hidden-word');
  });

  it('is shown as hosts or a file, never with a password', () => {
    const place = (url: string) => placeOf({ store: 'kurrentdb', url, streamPrefix: 'L.', allowInsecure: true });
    expect(place('esdb://db-1:2113?tls=false')).toBe('db-1:2113');
    expect(place(database.LEDGER_EVENT_STORE_URL)).toBe('db-1:2113');
    expect(place('esdb://u:p%40ss@a:1,b:2,c:3/?x=y@z')).toBe('a:1,b:2,c:3');
    expect(place('esdb+discover://cluster.example')).toBe('cluster.example');
    // Not a string that the client would take; nothing of it is shown.
    for (const odd of [
      'esdb://u:hidden?word@db',
      'esdb://u:hidden/word@db',
      'esdb://u:p@ss word@[::1]:2113',
      'nothing',
    ])
      expect(place(odd)).toBe('the database');
    expect(placeOf({ store: 'sqlite', eventsFile: '/data/events.sqlite' })).toBe('/data/events.sqlite');
  });
});

describe('the exit code', () => {
  it('shows a supervisor whether starting again can help', () => {
    class StoreRefused extends Error {
      override readonly name = 'StoreRefused';
    }
    expect(exitCodeOf(new BadConfiguration('x'))).toBe(78);
    expect(exitCodeOf(new StoreRefused('x'))).toBe(78);
    expect(exitCodeOf(new Error('x'))).toBe(1);
    expect(exitCodeOf('x')).toBe(1);
  });
});
