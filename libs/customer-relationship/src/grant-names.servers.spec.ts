import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  EventOfNewerRelease,
  inMemoryEventStore,
  LogDamaged,
  OutcomeUnknown,
  StoreUnavailable,
  type CommandOutcome,
  type EventMetadata,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { relationshipStream } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { grantNameStream, normalizedGrantName, type GrantNameClaim } from './grant-names.js';
import {
  accepted,
  ask,
  claimNames,
  fabrikam,
  failingOnce,
  holderOf,
  nameOf,
  nameTaken,
  refusedAs,
  rename,
  replayed,
  requestOf,
  server,
  tailspin,
  twoCustomers,
  type Command,
} from './testing-grant-names.js';
import type { RelationshipSummary } from './state.js';
import { context, customerUser, partner, policyOf2020 } from './testing.js';

// Several servers over one log: each has handlers, and so cached states, of its own.

/** The store, but the first append with an event of that name waits until it is let go. */
function heldUp(store: EventStore, type: string) {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let held = false;
  const holding: EventStore = {
    ...store,
    async append(stream, events, expectedRevision) {
      if (!held && events[0]!.type === type) {
        held = true;
        reached.resolve();
        await released.promise;
      }
      return store.append(stream, events, expectedRevision);
    },
  };
  return { store: holding, reached: reached.promise, release: () => released.resolve() };
}

/** The store, but the first append with an event of that name is not answered; it arrives when it is released. */
function delayed(store: EventStore, type: string) {
  let arrive: (() => Promise<unknown>) | undefined;
  const delaying: EventStore = {
    ...store,
    append(stream, events, expectedRevision) {
      if (arrive || events[0]!.type !== type) return store.append(stream, events, expectedRevision);
      arrive = () => store.append(stream, events, expectedRevision);
      return Promise.reject(new OutcomeUnknown('The connection was lost'));
    },
  };
  return { store: delaying, arrive: () => arrive!() };
}

/** As a server decides that allows this number of grants. */
function allowing(grants: number, request: ReturnType<typeof requestOf>) {
  const policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants } };
  return { ...request, contextAt: (at: string) => ({ ...request.contextAt(at), policy }) };
}

const terminate = (grantId: string): Command => ({ type: 'TerminateDelegatedAdmin', data: { grantId } });
const byCustomer = { ...customerUser('CustomerGlobalAdmin'), tenant: fabrikam };
const profile = (name: string): Command => ({ type: 'UpdateCustomerProfile', data: { name } });

describe('One naming at two servers', () => {
  const one = requestOf(ask('grant-1', 'Helpdesk'), 'one');
  // Each server reads its own clock, so that its events are others though the command is the same.
  const later = { ...one, now: '2026-11-22T12:00:00.001Z' };

  it('is accepted once, under one claim, and both answer the receipt', async () => {
    const store = await twoCustomers();
    const held = heldUp(store, 'DelegatedAdminRequested');
    const here = server(held.store).handle(one);
    await held.reached;
    const there = await server(store).handle(later);
    held.release();

    expect(there).toMatchObject(accepted);
    expect(await here).toEqual({ ...there, replayed: true });
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
  });

  it('keeps the claim that one of them still needs, when the other refuses (G2)', async () => {
    const store = await twoCustomers();
    const held = heldUp(store, 'DelegatedAdminRequested');
    const here = server(held.store).handle(one);
    await held.reached;
    // By other rules, say, during a deployment.
    expect(await server(store).handle(allowing(0, one))).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    held.release();

    expect(await here).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    expect(await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'two', tailspin))).toMatchObject(
      nameTaken(),
    );
  });

  it('is claimed again by the one that goes on after the other was refused and gave the claim back (G2)', async () => {
    const store = await twoCustomers();
    const held = heldUp(store, 'DelegatedAdminRequested');
    const here = server(held.store).handle(allowing(1, one));
    await held.reached;
    const elsewhere = server(store);
    await elsewhere.handle(requestOf(ask('grant-2', 'Other'), 'two'));
    expect(await elsewhere.handle(allowing(1, one))).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
    await elsewhere.handle(requestOf(terminate('grant-2'), 'three', fabrikam, byCustomer));
    held.release();

    expect(await here).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
  });

  it('is refused by the one that goes on when another command has taken the name since (G2)', async () => {
    const store = await twoCustomers();
    const held = heldUp(store, 'DelegatedAdminRequested');
    const here = server(held.store).handle(allowing(1, one));
    await held.reached;
    const elsewhere = server(store);
    await elsewhere.handle(requestOf(ask('grant-2', 'Other'), 'two'));
    await elsewhere.handle(allowing(1, one));
    await elsewhere.handle(requestOf(terminate('grant-2'), 'three', fabrikam, byCustomer));
    expect(await elsewhere.handle(requestOf(ask('grant-1', 'Helpdesk'), 'four', tailspin))).toMatchObject(accepted);
    held.release();

    expect(await here).toMatchObject(nameTaken());
    expect(await nameOf(store, 'grant-1', fabrikam)).toBeUndefined();
    expect(await holderOf(store, 'Helpdesk')).toBe('four');
  });

  it('does not lose its claim to a release that was decided before it was claimed again (G2)', async () => {
    const store = await twoCustomers();
    const append = heldUp(store, 'DelegatedAdminRequested');
    const here = server(append.store).handle(one);
    await append.reached;
    await server(store).handle(requestOf(profile('Fabrikam Inc.'), 'two'));
    const giveBack = heldUp(store, 'GrantNameReleased');
    const there = server(giveBack.store).handle(allowing(0, one));
    await giveBack.reached;
    append.release();
    expect(await here).toMatchObject(accepted);
    giveBack.release();

    expect(await there).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed', 'GrantNameClaimed']);
  });

  it.each([
    ['by another reading of the clock', later],
    ['by the same reading of the clock, so that the store takes one append for a repetition of the other', one],
  ])('gives back what it claimed when the other was accepted and renamed since: %s (G2)', async (_, there) => {
    const store = await twoCustomers();
    const held = heldUp(store, 'GrantNameClaimed');
    const here = server(held.store).handle(one);
    await held.reached;
    const original = await server(store).handle(there);
    await server(store).handle(requestOf(rename('grant-1', 'Other'), 'two'));
    held.release();

    expect(await here).toEqual({ ...original, replayed: there !== one });
    expect(await claimNames(store, 'Helpdesk')).toEqual([
      'GrantNameClaimed',
      'GrantNameReleased',
      'GrantNameClaimed',
      'GrantNameReleased',
    ]);
    expect(await holderOf(store, 'Other')).toBe('two');
  });

  it('gives back the name of a command whose id was used for another name meanwhile', async () => {
    const store = await twoCustomers();
    const held = heldUp(store, 'DelegatedAdminRequested');
    const here = server(held.store).handle(one);
    await held.reached;
    expect(await server(store).handle(requestOf(ask('grant-1', 'Other'), 'one'))).toMatchObject(accepted);
    held.release();

    expect(await here).toMatchObject({ outcome: 'commandIdReused' });
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
    expect(await holderOf(store, 'Other')).toBe('one');
  });
});

describe('A request that one server takes back while another names it anew', () => {
  const takeBack = requestOf({ type: 'DeleteDelegatedAdminRequest', data: { grantId: 'grant-1' } }, 'two');

  it('has no name any more, neither the old one nor the new (G4a)', async () => {
    const store = await twoCustomers();
    await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const held = heldUp(store, 'DelegatedAdminUpdated');
    const here = server(held.store).handle(requestOf(rename('grant-1', 'Backup'), 'three'));
    await held.reached;
    expect(await server(store).handle(takeBack)).toMatchObject(accepted);
    held.release();

    expect(await here).toMatchObject(refusedAs('GrantLocked', { status: 'deleted' }));
    for (const [index, name] of ['Helpdesk', 'Backup'].entries())
      expect(await server(store).handle(requestOf(ask(`again-${index}`, name), name, tailspin))).toMatchObject(
        accepted,
      );
  });

  it('leaves its name to one of two that want it at once (G2, G4a)', async () => {
    const store = await twoCustomers();
    await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    expect(await server(store).handle(takeBack)).toMatchObject(accepted);
    const outcomes = await Promise.all([
      server(store).handle(requestOf(ask('grant-2', 'Helpdesk'), 'three')),
      server(store).handle(requestOf(ask('grant-2', 'Helpdesk'), 'four', tailspin)),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['accepted', 'refused']);
    expect(outcomes.find(({ outcome }) => outcome === 'refused')).toMatchObject(nameTaken());
  });
});

describe('A naming whose outcome is unknown', () => {
  const one = requestOf(ask('grant-1', 'Helpdesk'), 'one');

  it('keeps its claim as long as it may still arrive, though a retry is refused (G2)', async () => {
    const store = await twoCustomers();
    const late = delayed(store, 'DelegatedAdminRequested');
    await expect(server(late.store).handle(one)).rejects.toThrow(OutcomeUnknown);
    expect(await server(store).handle(allowing(0, one))).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    await late.arrive();

    expect(await server(store).handle(one)).toMatchObject(replayed);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
  });

  it('loses its claim to a refused retry once it cannot arrive any more (G2)', async () => {
    const store = await twoCustomers();
    const late = delayed(store, 'DelegatedAdminRequested');
    await expect(server(late.store).handle(one)).rejects.toThrow(OutcomeUnknown);
    await server(store).handle(requestOf(profile('Fabrikam Inc.'), 'two'));
    expect(await server(store).handle(allowing(0, one))).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();

    await expect(late.arrive()).rejects.toThrow('expected 1');
  });
});

/** The store, but every call after the first append with an event of that name fails; `calls` counts them. */
function failingBehind(store: EventStore, type: string, error: Error) {
  let appended = false;
  let calls = 0;
  const whileThere = <T>(call: () => Promise<T>): Promise<T> => {
    if (!appended) return call();
    calls++;
    return Promise.reject(error);
  };
  const failing: EventStore = {
    ...store,
    read: (...args) => whileThere(() => store.read(...args)),
    append: (stream, events, expectedRevision) =>
      whileThere(async () => {
        const result = await store.append(stream, events, expectedRevision);
        appended ||= events[0]!.type === type;
        return result;
      }),
  };
  return { store: failing, calls: () => calls };
}

describe('A store that fails after the naming', () => {
  const one = requestOf(ask('grant-1', 'Helpdesk'), 'one');
  const away = requestOf(rename('grant-1', 'Other'), 'two');
  const failures = [
    new StoreUnavailable('The connection was refused'),
    new OutcomeUnknown('The connection was lost'),
    new LogDamaged('An event is gone'),
    new EventOfNewerRelease(
      { stream: 'name', revision: 1, position: 9, type: 'Lent', metadata: { schema: 1 } as EventMetadata },
      'this release does not know that name',
    ),
  ];
  async function named() {
    const store = await twoCustomers();
    await server(store).handle(one);
    return store;
  }

  it.each(failures)('does not change the answer of a renaming that is recorded: $name', async (failure) => {
    const store = await named();
    const failing = failingBehind(store, 'DelegatedAdminUpdated', failure);
    const outcome = await server(failing.store).handle(away);

    expect(outcome).toMatchObject(accepted);
    expect(failing.calls()).toBe(1);
    expect(await nameOf(store, 'grant-1')).toBe('Other');
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    expect(await server(store).handle(away)).toEqual({ ...outcome, replayed: true });
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
  });

  it.each(failures)('does not change the answer of a retry: $name', async (failure) => {
    const store = await named();
    const original = await server(store).handle(away);
    let atOnce = true;
    const afterRead: EventStore = {
      ...store,
      // The receipt is in what the first read gives.
      read: (...args) => {
        if (!atOnce) return Promise.reject(failure);
        atOnce = false;
        return store.read(...args);
      },
    };

    expect(await server(afterRead).handle(away)).toEqual({ ...original, replayed: true });
  });

  it('is not asked when there is nothing to give back', async () => {
    const store = await twoCustomers();
    const asking = failingBehind(store, 'DelegatedAdminRequested', failures[0]!);
    expect(await server(asking.store).handle(one)).toMatchObject(accepted);
    const respelling = failingBehind(store, 'DelegatedAdminUpdated', failures[0]!);
    expect(await server(respelling.store).handle(requestOf(rename('grant-1', 'HELPDESK'), 'two'))).toMatchObject(
      accepted,
    );

    expect([asking.calls(), respelling.calls()]).toEqual([0, 0]);
  });

  it('is reported when nothing was recorded', async () => {
    const store = await twoCustomers();
    const failing = failingBehind(store, 'GrantNameClaimed', failures[0]!);
    await expect(server(failing.store).handle(one)).rejects.toBe(failures[0]);
  });

  it('does not hide a mistake of ours', async () => {
    const mistake = new TypeError('undefined is not a function');
    const failing = failingBehind(await named(), 'DelegatedAdminUpdated', mistake);
    await expect(server(failing.store).handle(away)).rejects.toBe(mistake);
  });
});

describe('What a crash leaves claimed', () => {
  async function crashed() {
    const store = await twoCustomers();
    const one = requestOf(ask('grant-1', 'Helpdesk'), 'one');
    await expect(server(failingOnce(store, 'DelegatedAdminRequested')).handle(one)).rejects.toThrow(StoreUnavailable);
    return { store, one, two: requestOf(ask('grant-1', 'Helpdesk'), 'two', tailspin) };
  }

  it('is for another command to take once the relationship has moved on, and a dry run says so (G2)', async () => {
    const { store, one, two } = await crashed();
    const dry = { ...two, dryRun: true };
    expect(await server(store).handle(two)).toMatchObject(nameTaken());
    expect(await server(store).handle(dry)).toMatchObject(nameTaken());
    // The command itself would be accepted, and a dry run under its id says so.
    expect(await server(store).handle({ ...one, dryRun: true })).toMatchObject({ outcome: 'wouldBeAccepted' });
    await server(store).handle(requestOf(profile('Fabrikam Inc.'), 'three'));

    expect(await server(store).handle(dry)).toMatchObject({ outcome: 'wouldBeAccepted' });
    expect(await server(store).handle(two)).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed', 'GrantNameReleased', 'GrantNameClaimed']);
    expect(await server(store).handle(one)).toMatchObject(nameTaken());
    expect(await holderOf(store, 'Helpdesk')).toBe('two');
  });

  it('is given back by a retry that is refused at last (G2)', async () => {
    const { store, one } = await crashed();
    await server(store).handle(requestOf(ask('grant-2', 'Other'), 'three'));
    expect(await server(store).handle(allowing(1, one))).toMatchObject(refusedAs('LimitReached'));
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
  });

  it('by a renaming, of the old name, is for another command to take (G2)', async () => {
    const store = await twoCustomers();
    await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const away = requestOf(rename('grant-1', 'Other'), 'two');
    expect(await server(failingOnce(store, 'GrantNameReleased')).handle(away)).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');

    expect(await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'three', tailspin))).toMatchObject(
      accepted,
    );
    expect(await server(store).handle(away)).toMatchObject(replayed);
    expect(await holderOf(store, 'Helpdesk')).toBe('three');
  });
});

// Names, grants and keys are few, so that commands meet.
const customers = [fabrikam, tailspin] as const;
const names = ['Helpdesk', 'helpdesk ', 'Billing', 'Desk'] as const;
const faults = ['none', 'unavailable', 'stored', 'lost', 'late'] as const;

interface Sending {
  readonly command: Command;
  readonly customerId: string;
  readonly key: string;
  /** Which servers get it, one after the other or at once. */
  readonly servers: readonly number[];
  readonly atOnce: boolean;
}

const oneOf = <T>(values: readonly T[]) => fc.constantFrom(...values);
const grantId = oneOf(['grant-1', 'grant-2', 'grant-3']);
const sending: fc.Arbitrary<Sending> = fc.record({
  command: fc.oneof(
    { weight: 3, arbitrary: fc.record({ grantId, name: oneOf(names) }).map((data) => ask(data.grantId, data.name)) },
    { weight: 3, arbitrary: fc.record({ grantId, name: oneOf(names) }).map((data) => rename(data.grantId, data.name)) },
    { weight: 1, arbitrary: grantId.map(terminate) },
    { weight: 1, arbitrary: fc.constant(profile('Customer Inc.')) },
  ),
  customerId: oneOf(customers),
  key: oneOf(['key-1', 'key-2', 'key-3', 'key-4', 'key-5']),
  servers: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }),
  atOnce: fc.boolean(),
});
const scenario = fc.record({
  sendings: fc.array(sending, { minLength: 2, maxLength: 9 }),
  /** How many turns the calls to the store take, one after the other, over and over. */
  delays: fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
  /** What becomes of the appends. */
  faults: fc.array(oneOf(faults), { maxLength: 30 }),
});

/** The store with delays and faults; `settled` waits for what is still under way. */
function troubled(store: EventStore, delays: readonly number[], faultOfAppend: readonly (typeof faults)[number][]) {
  let calls = 0;
  let appends = 0;
  const underWay: Promise<unknown>[] = [];
  const delay = async (times = 1) => {
    for (let turns = delays[calls++ % delays.length]! * times; turns > 0; turns--) await turn();
  };
  const troubling: EventStore = {
    ...store,
    async read(...args) {
      await delay();
      const events = await store.read(...args);
      await delay();
      return events;
    },
    async append(...args) {
      const fault = faultOfAppend[appends++] ?? 'none';
      await delay();
      if (fault === 'unavailable') throw new StoreUnavailable('The disk is full');
      if (fault === 'lost') throw new OutcomeUnknown('The connection was lost');
      if (fault === 'late') {
        underWay.push(
          delay(5)
            .then(() => store.append(...args))
            .catch(() => undefined),
        );
        throw new OutcomeUnknown('The connection was lost');
      }
      const result = await store.append(...args);
      await delay();
      if (fault === 'stored') throw new OutcomeUnknown('The connection was lost');
      return result;
    },
  };
  return { store: troubling, settled: () => Promise.all(underWay) };
}

/** The requests of a sending at a server; the second server allows but one grant. */
function requestAt({ command, customerId, key }: Sending, where: number) {
  const actor = command.type === 'TerminateDelegatedAdmin' ? { ...byCustomer, tenant: customerId } : context.actor;
  const request = requestOf(command, `${key} of ${customerId}`, customerId, actor);
  const clocked = { ...request, now: `2026-11-22T12:00:00.00${where === 0 ? 0 : 1}Z` };
  return where === 1 ? allowing(1, clocked) : clocked;
}

async function logOf(store: EventStore): Promise<readonly RecordedEvent[]> {
  const streams = [
    ...customers.map((customerId) => relationshipStream(partner.tenantId, customerId)),
    ...new Set(names.map((name) => grantNameStream(partner.tenantId, name))),
  ];
  const events = await Promise.all(streams.map((stream) => store.read(stream)));
  return events.flat().toSorted((a, b) => a.position - b.position);
}

/**
 * Goes through the log event by event: a grant only ever gets a name that is claimed for it, two grants never have one
 * name, and no claim is given back that a grant needs. Returns who holds the names in the end and which grants have them.
 */
function checkNames(log: readonly RecordedEvent[]) {
  const claims = new Map<string, string>();
  const named = new Map<string, string>();
  for (const { type, data, stream } of log) {
    const { name, grantId, ...rest } = data as unknown as GrantNameClaim;
    const normalized = normalizedGrantName(name ?? '');
    if (type === 'GrantNameClaimed') {
      const grant = `${rest.customerId} ${grantId}`;
      expect(claims.get(normalized) ?? grant).toBe(grant);
      claims.set(normalized, grant);
    }
    if (type === 'GrantNameReleased') {
      expect(named.get(claims.get(normalized)!)).not.toBe(normalized);
      claims.delete(normalized);
    }
    const customerId = customers.find((id) => stream.endsWith(id));
    if (customerId && name !== undefined && type.startsWith('DelegatedAdmin')) {
      const grant = `${customerId} ${grantId}`;
      expect(claims.get(normalized)).toBe(grant);
      named.set(grant, normalized);
    }
  }
  expect(new Set(named.values()).size).toBe(named.size);
  return { claims, named };
}

it('Servers that crash, meet and retry leave every name with one grant, and none without (G2)', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ sendings, delays, faults }) => {
      const store = await twoCustomers(inMemoryEventStore());
      const { store: troubling, settled } = troubled(store, delays, faults);
      const servers = [0, 1, 2].map(() => server(troubling));
      const receipts = new Map<string, CommandOutcome<RelationshipEvents, RelationshipSummary>[]>();
      const note = (
        request: ReturnType<typeof requestAt>,
        outcome: CommandOutcome<RelationshipEvents, RelationshipSummary>,
      ) => {
        if (outcome.outcome !== 'accepted') return;
        const { commandId, commandHash } = request.metadata;
        const key = `${commandId} ${commandHash}`;
        receipts.set(key, [...(receipts.get(key) ?? []), { ...outcome, replayed: true }]);
      };
      const send = async (sent: Sending, where: number) => {
        const request = requestAt(sent, where);
        try {
          note(request, await servers[where]!.handle(request));
        } catch (error) {
          if (!(error instanceof StoreUnavailable || error instanceof OutcomeUnknown)) throw error;
        }
      };
      await Promise.all(
        sendings.map(async (sent) => {
          if (sent.atOnce) await Promise.all(sent.servers.map((where) => send(sent, where)));
          else for (const where of sent.servers) await send(sent, where);
        }),
      );
      await settled();
      checkNames(await logOf(store));

      // Peace returns: the relationships move on, and every command is sent once more.
      const last = server(store);
      for (const customerId of customers)
        await last.handle(requestOf(profile('Customer of old'), `last of ${customerId}`, customerId));
      for (const sent of sendings) {
        const request = requestAt(sent, 0);
        note(request, await last.handle(request));
      }

      const log = await logOf(store);
      const { claims, named } = checkNames(log);
      // What is claimed is what grants have: no more, no less.
      expect([...claims].map(([name, grant]) => [grant, name]).sort()).toEqual([...named].sort());
      for (const [first, ...others] of receipts.values()) for (const other of others) expect(other).toEqual(first);
      // Every command of a stream has its events in one place: it was appended once.
      const appendsOf = new Map<string, number>();
      const before = new Map<string, string>();
      for (const { stream, metadata } of log) {
        if (before.get(stream) === metadata.commandId) continue;
        before.set(stream, metadata.commandId);
        const append = `${stream} ${metadata.commandId}`;
        appendsOf.set(append, (appendsOf.get(append) ?? 0) + 1);
      }
      expect([...appendsOf].filter(([, times]) => times > 1)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
