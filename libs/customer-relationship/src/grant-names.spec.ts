import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  exactly,
  expectedHash,
  idOf,
  StoreUnavailable,
  type EventStore,
  type MessageOf,
  type RecordedEvent,
} from '#event-sourcing';
import { specification } from '#event-sourcing/testing';
import { relationshipStream } from './customer-relationship.js';
import {
  grantName,
  grantNameCodec,
  grantNameStream,
  normalizedGrantName,
  type GrantNameClaim,
  type GrantNameCommands,
} from './grant-names.js';
import {
  accepted,
  ask,
  claimNames,
  claims,
  fabrikam,
  failingOnce,
  holderOf,
  interrupted,
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
import { context, customerUser, now, partner, policyOf2020 } from './testing.js';

describe('A grant name', () => {
  const claim = (claimedBy: string, overrides: Partial<GrantNameClaim> = {}): GrantNameClaim => ({
    name: 'Helpdesk',
    claimedBy,
    customerId: fabrikam,
    grantId: 'grant-1',
    relationshipRevision: 4,
    ...overrides,
  });
  const { given } = specification(grantName, undefined);
  const claimed = { type: 'GrantNameClaimed', data: claim('one') } as const;
  const released = { type: 'GrantNameReleased', data: { name: 'Helpdesk', claimedBy: 'one' } } as const;

  it('is claimed by one command (G2)', () => {
    given()
      .when({ type: 'ClaimGrantName', data: claim('one') })
      .then(claimed);
    given(claimed)
      .when({ type: 'ClaimGrantName', data: claim('two') })
      .rejects('NameNotUnique', { name: 'Helpdesk' });
    given(claimed)
      .when({ type: 'ClaimGrantName', data: claim('one') })
      .rejects('NothingToChange', { name: 'Helpdesk' });
  });

  it('is claimed again by the same naming after a later revision of its relationship, and by no other (G2)', () => {
    const later = claim('one', { relationshipRevision: 5 });
    given(claimed).when({ type: 'ClaimGrantName', data: later }).then({ type: 'GrantNameClaimed', data: later });
    for (const same of [claimed, { type: 'GrantNameClaimed', data: later } as const])
      given(same)
        .when({ type: 'ClaimGrantName', data: claim('one') })
        .rejects('NothingToChange', { name: 'Helpdesk' });
    for (const other of [{ grantId: 'grant-2' }, { customerId: tailspin }, { claimedBy: 'two' }])
      given(claimed)
        .when({ type: 'ClaimGrantName', data: { ...later, ...other } })
        .rejects('NameNotUnique', { name: 'Helpdesk' });
  });

  it('is released by the command that claimed it, and free again (G2)', () => {
    given(claimed)
      .when({ type: 'ReleaseGrantName', data: { claimedBy: 'one' } })
      .then(released);
    given(claimed)
      .when({ type: 'ReleaseGrantName', data: { claimedBy: 'two' } })
      .rejects('NothingToChange', { claimedBy: 'two' });
    given()
      .when({ type: 'ReleaseGrantName', data: { claimedBy: 'one' } })
      .rejects('NothingToChange', { claimedBy: 'one' });
    given(claimed, released)
      .when({ type: 'ClaimGrantName', data: claim('two') })
      .then({ type: 'GrantNameClaimed', data: claim('two') });
  });

  it('is the same in other letters, between blanks and in another Unicode form (G2)', () => {
    expect(normalizedGrantName('  CAFÉ\n')).toBe('café');
    expect(normalizedGrantName('cafe\u0301')).toBe('caf\u00e9');
    expect(grantNameStream('p', ' Cafe\u0301')).toBe(grantNameStream('p', 'caf\u00e9'));
    expect(grantNameStream('p', 'a b')).not.toBe(grantNameStream('p', 'ab'));
  });

  it.each(['Con\u200btoso', '\ufeffContoso', 'contoso\u2060', 'Con\u00adtoso', ' Contoso\u00a0'])(
    'is the same where no difference can be seen: %j (G2)',
    (name) => {
      expect(grantNameStream('p', name)).toBe(grantNameStream('p', 'Contoso'));
    },
  );

  it('is the same with one space of another kind, or more of them (G2)', () => {
    expect(normalizedGrantName('Help\u00a0 desk')).toBe('help desk');
  });

  it('has a stream per partner, named by its hash', () => {
    const hash = createHash('sha256').update('helpdesk').digest('hex').slice(0, 32);
    expect(grantNameStream(partner.tenantId, 'Helpdesk')).toBe(`grantName-${partner.tenantId}-${hash}`);
  });

  it('has events that the log can be read by', () => {
    expect(grantNameCodec.schemaOf('GrantNameClaimed')).toBe(2);
    expect(grantNameCodec.schemaOf('GrantNameReleased')).toBe(1);
  });

  it('is read as the first release wrote it: nothing of that can still be under way', () => {
    const { data } = grantNameCodec.decode(claimedAtSchema1);
    expect(data).toEqual({ ...(claimedAtSchema1.data as object), relationshipRevision: -1 });
    expect(expectedHash(claimedAtSchema1)).toBe(claimedAtSchema1.metadata.hash);
    expect(idOf(claimedAtSchema1.metadata.hash)).toBe(claimedAtSchema1.id);
  });
});

/** As production wrote it, never to be edited. */
const claimedAtSchema1: RecordedEvent = {
  id: '309f7f3a-655e-8a40-805f-adaa237e0e42',
  type: 'GrantNameClaimed',
  data: {
    name: 'Helpdesk',
    claimedBy: '5b0a1c52-3f5e-8d07-9a3c-52f1c0a4e6d1',
    customerId: 'c1000000-0000-4000-8000-000000000001',
    grantId: 'grant-1',
  },
  metadata: {
    actor: {
      id: 'ada',
      kind: 'partnerUser',
      roles: ['GlobalAdmin', 'AdminAgent'],
      tenant: 'a1000000-0000-4000-8000-000000000001',
    },
    causationId: '5b0a1c52-3f5e-8d07-9a3c-52f1c0a4e6d1',
    commandHash: '8e33ace374f6a093796b2d1eceb8e723d8f16aede221b231d58fff10726e648d',
    commandId: 'd512db82-b22a-81ec-ad1b-81597fdfd53b',
    correlationId: 'e1e31a2d-19c0-87e9-8918-8a7524f2a1c0',
    policy: {
      name: 'partner-center-2020-06',
      hash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    },
    recordedAt: '2026-11-22T12:00:00.000Z',
    schema: 1,
    previousHash: '0000000000000000000000000000000000000000000000000000000000000000',
    hash: '309f7f3a655e5a40005fadaa237e0e42e2a8dd73582c5e490875f4304d50f5d7',
  },
  stream: 'grantName-a1000000-0000-4000-8000-000000000001-9f4d10730006eef4bf802559e1f26a25',
  revision: 0,
  position: 3,
};

describe('The naming of a GDAP grant', () => {
  it('claims the name first, for the same sender and because of the same command (G2)', async () => {
    const store = await twoCustomers();
    const outcome = await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    expect(outcome).toMatchObject({ ...accepted, revision: 2, events: ['DelegatedAdminRequested'] });

    const [claimed, ...others] = await claims(store, 'Helpdesk');
    expect(others).toEqual([]);
    expect(claimed).toMatchObject({
      type: 'GrantNameClaimed',
      data: { name: 'Helpdesk', claimedBy: 'one', customerId: fabrikam, grantId: 'grant-1', relationshipRevision: 1 },
      metadata: {
        actor: context.actor,
        causationId: 'one',
        correlationId: 'correlation of one',
        commandId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        commandHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        recordedAt: now,
      },
    });
    expect(claimed!.metadata).not.toHaveProperty('comment');
    expect(claimed!.position).toBe(
      (await store.read(relationshipStream(partner.tenantId, fabrikam), { from: 2 }))[0]!.position - 1,
    );
  });

  it('is refused when any grant of the partner has the name, of whatever customer (G2)', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    expect(await handle(requestOf(ask('grant-2', 'helpdesk '), 'two'))).toMatchObject(nameTaken('helpdesk '));
    expect(await handle(requestOf(ask('grant-1', 'HELPDESK'), 'three', tailspin))).toMatchObject(nameTaken('HELPDESK'));
    await handle(requestOf(ask('grant-2', 'Other'), 'four', tailspin));
    expect(await handle(requestOf(rename('grant-2', 'Helpdesk'), 'five', tailspin))).toMatchObject(nameTaken());
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
  });

  it('is refused in a spelling that looks the same, and in a dry run (G2)', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const alike = requestOf(ask('grant-2', 'Help\u200bdesk'), 'two', tailspin);
    expect(await handle({ ...alike, dryRun: true })).toMatchObject(nameTaken('Help\u200bdesk'));
    expect(await handle(alike)).toMatchObject(nameTaken('Help\u200bdesk'));
  });

  it('is refused as taken before what is wrong with the data, in a dry run too (G2)', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    await handle(requestOf(ask('grant-2', 'Other'), 'two', tailspin));
    const wrong = { roles: [], durationDays: 0 };
    for (const dryRun of [true, false]) {
      const refused = async (command: Command) =>
        handle({ ...requestOf(command, `${command.type} ${dryRun}`, tailspin), dryRun });
      expect(await refused(ask('grant-3', 'Helpdesk', wrong))).toMatchObject(nameTaken());
      expect(await refused(rename('grant-2', 'Helpdesk', wrong))).toMatchObject(nameTaken());
      // Its own name, and one that is free, stand in the way of none.
      expect(await refused(rename('grant-2', 'Other', wrong))).toMatchObject(refusedAs('RolesMissing'));
      expect(await refused(ask('grant-3', 'Free', wrong))).toMatchObject(refusedAs('RolesMissing'));
    }
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
    expect(await claimNames(store, 'Free')).toEqual([]);
  });

  it('stays with the grant that an earlier release claimed it for, in that spelling (G2)', async () => {
    const store = await twoCustomers();
    const before = 'Help\u200bdesk';
    await server(store).handle(requestOf(ask('grant-1', before), 'one'));
    await claimedBefore(store, before, 'one', 'grant-1');

    const { handle } = server(store);
    const again = requestOf(ask('grant-2', before), 'two', tailspin);
    expect(await handle({ ...again, dryRun: true })).toMatchObject(nameTaken(before));
    expect(await handle(again)).toMatchObject(nameTaken(before));
    // Once the grant has another name, the claim of before is given back to any command that wants it, and made in the new place.
    expect(await handle(requestOf(rename('grant-1', 'Other'), 'three'))).toMatchObject(accepted);
    expect(await handle(requestOf(ask('grant-2', before), 'four', tailspin))).toMatchObject(accepted);
    expect((await claims(store, 'Helpdesk')).at(-1)).toMatchObject({
      type: 'GrantNameClaimed',
      data: { name: before },
    });
    expect((await store.read(formerStream(before))).map(({ type }) => type)).toEqual([
      'GrantNameClaimed',
      'GrantNameReleased',
    ]);
  });

  it('is claimed in its new place when a grant of an earlier release changes the spelling alone (G2)', async () => {
    const store = await twoCustomers();
    const before = 'Help\u200bdesk';
    await server(store).handle(requestOf(ask('grant-1', before), 'one'));
    await claimedBefore(store, before, 'one', 'grant-1');

    const { handle } = server(store);
    expect(await handle(requestOf(rename('grant-1', 'Helpdesk'), 'two'))).toMatchObject(accepted);
    expect(await handle(requestOf(ask('grant-2', 'Helpdesk'), 'three', tailspin))).toMatchObject(nameTaken());
    // From one spelling to another of the same name nothing has to be claimed.
    expect(await handle(requestOf(rename('grant-1', before), 'four'))).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed', 'GrantNameReleased', 'GrantNameClaimed']);
  });

  it('is won by exactly one of two customers when two servers decide at once (G2)', async () => {
    const store = await twoCustomers();
    const outcomes = await Promise.all([
      server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one', fabrikam)),
      server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'two', tailspin)),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['accepted', 'refused']);
    expect(outcomes.find(({ outcome }) => outcome === 'refused')).toMatchObject(nameTaken());
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
    const names = [await nameOf(store, 'grant-1', fabrikam), await nameOf(store, 'grant-1', tailspin)];
    expect(names.filter((name) => name === 'Helpdesk')).toHaveLength(1);
  });

  it('is done once when two servers decide the same command at once', async () => {
    const store = await twoCustomers();
    const request = requestOf(ask('grant-1', 'Helpdesk'), 'one');
    const outcomes = await Promise.all([server(store).handle(request), server(store).handle(request)]);
    expect(outcomes.map(({ outcome }) => outcome)).toContain('accepted');
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
    expect(await store.read(request.stream, { from: 2 })).toHaveLength(1);
  });

  it('goes through on a retry after a crash between claim and request, for that command alone (G2)', async () => {
    const store = await twoCustomers();
    const crashing = server(failingOnce(store, 'DelegatedAdminRequested'));
    await expect(crashing.handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'))).rejects.toThrow(StoreUnavailable);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);

    const next = server(store);
    expect(await next.handle(requestOf(ask('grant-1', 'Helpdesk'), 'two'))).toMatchObject(nameTaken());
    // The same command id, but another grant: the claim is not its own.
    expect(await next.handle(requestOf(ask('grant-2', 'Helpdesk'), 'one'))).toMatchObject(nameTaken());
    expect(await next.handle(requestOf(ask('grant-1', 'Helpdesk'), 'one', tailspin))).toMatchObject(nameTaken());
    expect(await next.handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'))).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
  });

  it('goes through on a retry after a crash between claim and request of a release that gave it another id (G2)', async () => {
    for (const moved of [false, true]) {
      const store = await twoCustomers();
      const crashing = server(failingOnce(store, 'DelegatedAdminRequested'));
      await expect(crashing.handle(requestOf(ask('grant-1', 'Helpdesk'), 'former'))).rejects.toThrow(StoreUnavailable);
      const { handle } = server(store);
      if (moved) await handle(requestOf(ask('grant-3', 'Field service'), 'three'));

      const sent = requestOf(ask('grant-1', 'Helpdesk'), 'partner');
      const retried = { ...sent, formerId: { commandId: 'former', actorKinds: [sent.metadata.actor.kind] } };
      expect(await handle(requestOf(ask('grant-2', 'Helpdesk'), 'other'))).toMatchObject(
        moved ? accepted : nameTaken(),
      );
      expect(await handle(retried)).toMatchObject(moved ? nameTaken() : accepted);
      if (!moved) expect(await handle(retried)).toMatchObject(replayed);
    }
  });

  it('renews what a release claimed that gave it another id, when its relationship has moved on (G2)', async () => {
    const store = await twoCustomers();
    const crashing = server(failingOnce(store, 'DelegatedAdminRequested'));
    await expect(crashing.handle(requestOf(ask('grant-1', 'Helpdesk'), 'former'))).rejects.toThrow(StoreUnavailable);
    const { handle } = server(store);
    await handle(requestOf(ask('grant-3', 'Field service'), 'three'));

    const sent = requestOf(ask('grant-1', 'Helpdesk'), 'partner');
    const retried = { ...sent, formerId: { commandId: 'former', actorKinds: [sent.metadata.actor.kind] } };
    expect(await handle(retried)).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed', 'GrantNameClaimed']);
    expect(await handle(requestOf(ask('grant-2', 'Helpdesk'), 'other'))).toMatchObject(nameTaken());
  });

  it('replays an accepted command without another claim', async () => {
    const store = await twoCustomers();
    const request = requestOf(ask('grant-1', 'Helpdesk'), 'one');
    const first = await server(store).handle(request);
    const head = await store.head();
    expect(await server(store).handle(request)).toEqual({ ...first, replayed: true });
    expect(await server(store).handle(requestOf(ask('grant-2', 'Other'), 'one'))).toMatchObject({
      outcome: 'commandIdReused',
    });
    // Neither does it give back the claim of the command that it is not.
    const other = requestOf(ask('grant-1', 'Helpdesk', { durationDays: 30 }), 'one');
    expect(await server(store).handle(other)).toMatchObject({ outcome: 'commandIdReused' });
    expect(await store.head()).toBe(head);
  });

  it('claims nothing for a command that is refused anyway', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    const head = await store.head();
    expect(await handle(requestOf(ask('grant-1', 'Helpdesk', { roles: [] }), 'one'))).toMatchObject(
      refusedAs('RolesMissing'),
    );
    expect(await handle(requestOf(rename('grant-1', 'Helpdesk'), 'two'))).toMatchObject(
      refusedAs('ItemNotFound', { kind: 'grant', itemId: 'grant-1' }),
    );
    expect(await handle({ ...requestOf(ask('grant-1', 'Helpdesk'), 'three'), ifRevision: exactly(0) })).toMatchObject({
      outcome: 'preconditionFailed',
      revision: 1,
    });
    expect(await store.head()).toBe(head);
    expect(await handle({ ...requestOf(ask('grant-1', 'Helpdesk'), 'four'), ifRevision: exactly(1) })).toMatchObject(
      accepted,
    );
  });

  it('answers in a dry run whether the name is taken, and claims nothing (G2)', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const head = await store.head();
    const dry = (command: Command) => handle({ ...requestOf(command, 'dry'), dryRun: true });
    expect(await dry(ask('grant-2', 'Helpdesk'))).toMatchObject(nameTaken());
    expect(await dry(ask('grant-2', 'Free', { roles: [] }))).toMatchObject(refusedAs('RolesMissing'));
    expect(await dry(ask('grant-2', 'Free'))).toMatchObject({
      outcome: 'wouldBeAccepted',
      events: [{ type: 'DelegatedAdminRequested', data: { name: 'Free' } }],
    });
    expect(await dry(rename('grant-1', 'HELPDESK'))).toMatchObject({
      outcome: 'wouldBeAccepted',
      events: [{ type: 'DelegatedAdminUpdated', data: { name: 'HELPDESK' } }],
    });
    expect(await store.head()).toBe(head);
  });

  it('gives the name back when the command is refused after the claim, and claims it again on a retry', async () => {
    const store = await twoCustomers();
    const request = requestOf(ask('grant-1', 'Helpdesk'), 'one');
    const refused = [];
    for (const grants of ['a', 'b']) {
      // Meanwhile another server fills the last place, so that what was rehearsed is refused at last.
      const policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants: grants === 'a' ? 1 : 2 } };
      const racing = interrupted(store, 'GrantNameClaimed', () =>
        server(store).handle(requestOf(ask(`grant-${grants}`, grants), grants)),
      );
      const contextAt = (at: string) => ({ ...context, now: at, policy });
      refused.push(await server(racing).handle({ ...request, contextAt }));
    }
    expect(refused).toMatchObject([
      refusedAs('LimitReached', { what: 'grants', limit: 1 }),
      refusedAs('LimitReached', { what: 'grants', limit: 2 }),
    ]);
    expect(await claimNames(store, 'Helpdesk')).toEqual([
      'GrantNameClaimed',
      'GrantNameReleased',
      'GrantNameClaimed',
      'GrantNameReleased',
    ]);
    expect((await claims(store, 'Helpdesk'))[1]).toMatchObject({
      data: { name: 'Helpdesk', claimedBy: 'one' },
      metadata: { causationId: 'one', correlationId: 'correlation of one' },
    });
    expect(await server(store).handle(request)).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
  });

  it('looks again when the name is claimed and given back meanwhile', async () => {
    const store = await twoCustomers();
    const { names } = server(store);
    const stream = grantNameStream(partner.tenantId, 'Helpdesk');
    const byAnother = { ...requestOf(ask('-', '-'), 'another'), stream, contextAt: () => undefined };
    const data = {
      name: 'Helpdesk',
      claimedBy: 'another',
      customerId: tailspin,
      grantId: 'grant-9',
      relationshipRevision: 1,
    };
    const racing = interrupted(store, 'GrantNameClaimed', async () => {
      await names.handle({ ...byAnother, command: { type: 'ClaimGrantName', data } });
      await names.handle({
        ...byAnother,
        command: { type: 'ReleaseGrantName', data: { claimedBy: 'another' } },
        metadata: { ...byAnother.metadata, commandId: 'another again' },
      });
    });
    expect(await server(racing).handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'))).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
  });

  it('keeps the name of a grant that has ended: Graph never gives it to another (G2)', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const customer = customerUser('CustomerGlobalAdmin');
    const terminate: Command = { type: 'TerminateDelegatedAdmin', data: { grantId: 'grant-1' } };
    expect(await handle(requestOf(terminate, 'two', fabrikam, customer))).toMatchObject(accepted);
    expect(await handle(requestOf(ask('grant-2', 'Helpdesk'), 'three'))).toMatchObject(nameTaken());
  });

  const takenBack = [
    ['deleted', [], 'DeleteDelegatedAdminRequest'],
    ['withdrawn', ['LockDelegatedAdminForApproval'], 'WithdrawDelegatedAdminRequest'],
  ] as const;

  it.each(takenBack)(
    'finds the name of a request that was %s free at once, for another customer too (G4a)',
    async (...way) => {
      const [, before, takeBack] = way;
      const store = await twoCustomers();
      const { handle } = server(store);
      await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
      for (const type of before) await handle(requestOf({ type, data: { grantId: 'grant-1' } }, type));
      const again = requestOf(ask('grant-1', 'Helpdesk'), 'three', tailspin);
      expect(await handle(again)).toMatchObject(nameTaken());
      expect(await handle(requestOf({ type: takeBack, data: { grantId: 'grant-1' } }, 'two'))).toMatchObject(accepted);

      expect(await handle({ ...again, dryRun: true })).toMatchObject({ outcome: 'wouldBeAccepted' });
      expect(await handle(again)).toMatchObject(accepted);
      expect(await claimNames(store, 'Helpdesk')).toEqual([
        'GrantNameClaimed',
        'GrantNameReleased',
        'GrantNameClaimed',
      ]);
      expect(await holderOf(store, 'Helpdesk')).toBe('three');
      // A late retry of the first naming does not take it from its new grant.
      expect(await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'))).toMatchObject(replayed);
      expect(await holderOf(store, 'Helpdesk')).toBe('three');
    },
  );

  it('lets everything else pass', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const head = await store.head();
    const lengthen: Command = { type: 'UpdateDelegatedAdminRequest', data: { grantId: 'grant-1', durationDays: 30 } };
    expect(await handle(requestOf(lengthen, 'two'))).toMatchObject(accepted);
    expect(await handle({ ...requestOf(lengthen, 'three'), dryRun: true })).toMatchObject(refusedAs('NothingToChange'));
    const profile: Command = { type: 'UpdateCustomerProfile', data: { name: 'Fabrikam Inc.' } };
    expect(await handle(requestOf(profile, 'four'))).toMatchObject(accepted);
    expect(await store.head()).toBe(head + 2);
  });

  it('asks the relationship at a revision', async () => {
    const store = await twoCustomers();
    const { handle, ask: question } = server(store);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'one'));
    const stream = relationshipStream(partner.tenantId, fabrikam);
    expect(await question(stream, ({ grants }, { revision }) => [grants.size, revision])).toEqual([1, 2]);
    expect(await question(stream, ({ status }, { revision }) => [status, revision], 0)).toEqual(['requested', 0]);
  });

  it('is a matter of relationships only', async () => {
    const store = await twoCustomers();
    const { handle } = server(store);
    const astray = (command: Command, id: string, actor = context.actor) => ({
      ...requestOf(command, id, fabrikam, actor),
      stream: 'elsewhere',
    });
    const asked: Command = {
      type: 'RequestResellerRelationship',
      data: { customer: { name: 'Customer' }, market: 'US' },
    };
    await handle(astray(asked, 'one'));
    await handle(astray({ type: 'AcceptResellerRelationship', data: {} }, 'two', customerUser('CustomerGlobalAdmin')));
    await expect(handle(astray(ask('grant-1', 'Helpdesk'), 'three'))).rejects.toThrow(
      'elsewhere is not the stream of a relationship',
    );
  });
});

describe('The renaming of a GDAP grant', () => {
  async function named(name = 'Helpdesk') {
    const store = await twoCustomers();
    await server(store).handle(requestOf(ask('grant-1', name), 'one'));
    return store;
  }

  it('claims the new name and gives the old one back (G2)', async () => {
    const store = await named();
    const { handle } = server(store);
    expect(await handle(requestOf(rename('grant-1', 'Other'), 'two'))).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed', 'GrantNameReleased']);
    expect(await holderOf(store, 'Other')).toBe('two');
    expect(await handle(requestOf(ask('grant-1', 'Helpdesk'), 'three', tailspin))).toMatchObject(accepted);
    expect(await handle(requestOf(ask('grant-2', 'Other'), 'four', tailspin))).toMatchObject(nameTaken('Other'));
  });

  it('keeps the claim when only the spelling changes (G2)', async () => {
    const store = await named();
    const { handle } = server(store);
    expect(await handle(requestOf(rename('grant-1', 'HELPDESK'), 'two'))).toMatchObject(accepted);
    expect(await nameOf(store, 'grant-1')).toBe('HELPDESK');
    expect(await handle(requestOf(rename('grant-1', 'HELPDESK'), 'two'))).toMatchObject(replayed);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
  });

  it('keeps the claim when the name is sent along with other changes', async () => {
    const store = await named();
    const { handle } = server(store);
    expect(await handle(requestOf(rename('grant-1', 'Helpdesk', { durationDays: 30 }), 'two'))).toMatchObject(accepted);
    expect(await claimNames(store, 'Helpdesk')).toEqual(['GrantNameClaimed']);
    expect(await handle(requestOf(rename('grant-1', 'Helpdesk'), 'three'))).toMatchObject(refusedAs('NothingToChange'));
  });

  it('leaves the old name alone when it is refused', async () => {
    const store = await named();
    const { handle } = server(store);
    await handle(requestOf(ask('grant-1', 'Taken'), 'two', tailspin));
    expect(await handle(requestOf(rename('grant-1', 'Taken'), 'three'))).toMatchObject(nameTaken('Taken'));
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    expect(await holderOf(store, 'Taken')).toBe('two');
  });

  it('is accepted when the release fails, and gives the old name back on a retry (G2)', async () => {
    const store = await named();
    const request = requestOf(rename('grant-1', 'Other'), 'two');
    expect(await server(failingOnce(store, 'GrantNameReleased')).handle(request)).toMatchObject(accepted);
    expect(await nameOf(store, 'grant-1')).toBe('Other');
    expect(await holderOf(store, 'Helpdesk')).toBe('one');
    expect(await server(store).handle(request)).toMatchObject(replayed);
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
  });

  it('does not free, by a late retry, the name that the grant takes up again (G2)', async () => {
    const store = await named();
    const away = requestOf(rename('grant-1', 'Other'), 'two');
    const back = requestOf(rename('grant-1', 'Helpdesk'), 'three');
    await server(store).handle(away);
    await expect(server(failingOnce(store, 'DelegatedAdminUpdated')).handle(back)).rejects.toThrow(StoreUnavailable);
    expect(await holderOf(store, 'Helpdesk')).toBe('three');
    expect(await server(store).handle(away)).toMatchObject(replayed);
    expect(await holderOf(store, 'Helpdesk')).toBe('three');
    expect(await server(store).handle(back)).toMatchObject(accepted);
    expect(await server(store).handle(away)).toMatchObject(replayed);
    expect(await holderOf(store, 'Helpdesk')).toBe('three');
    expect(await holderOf(store, 'Other')).toBeUndefined();
  });

  it('does not free the old name when another grant has taken it since', async () => {
    const store = await named();
    const away = requestOf(rename('grant-1', 'Other'), 'two');
    await server(store).handle(away);
    await server(store).handle(requestOf(ask('grant-1', 'Helpdesk'), 'three', tailspin));
    await server(store).handle(away);
    expect(await holderOf(store, 'Helpdesk')).toBe('three');
  });

  it('gives back no claim that is not its own: of a grant that never had one (G2)', async () => {
    const store = await twoCustomers();
    const { relationships, handle } = server(store);
    for (const grantId of ['grant-1', 'grant-2'])
      await relationships.handle(requestOf(ask(grantId, 'Helpdesk'), `past all claims ${grantId}`));
    expect(await handle(requestOf(rename('grant-1', 'Other'), 'one'))).toMatchObject(accepted);
    await handle(requestOf(ask('grant-1', 'Helpdesk'), 'two', tailspin));
    expect(await handle(requestOf(rename('grant-2', 'Third'), 'three'))).toMatchObject(accepted);
    expect(await holderOf(store, 'Helpdesk')).toBe('two');
  });

  it('starts again when the grant gets another name meanwhile and only the spelling was to change (G2)', async () => {
    const store = await named();
    const respelled = requestOf(rename('grant-1', 'HELPDESK'), 'two');
    const other = () => server(store).handle(requestOf(rename('grant-1', 'Other'), 'three'));
    const racing = server(interrupted(store, 'DelegatedAdminUpdated', other));
    expect(await racing.handle(respelled)).toMatchObject(accepted);
    expect(await nameOf(store, 'grant-1')).toBe('HELPDESK');
    expect(await holderOf(store, 'Helpdesk')).toBe('two');
    expect(await holderOf(store, 'Other')).toBeUndefined();
  });

  it('answers a sender who asked for a revision that it has gone', async () => {
    const store = await named();
    const respelled = { ...requestOf(rename('grant-1', 'HELPDESK'), 'two'), ifRevision: exactly(2) };
    const other = () => server(store).handle(requestOf(rename('grant-1', 'Other'), 'three'));
    const racing = server(interrupted(store, 'DelegatedAdminUpdated', other));
    expect(await racing.handle(respelled)).toMatchObject({ outcome: 'preconditionFailed', revision: 3 });
    expect(await holderOf(store, 'Helpdesk')).toBeUndefined();
  });
});

/** Where releases before this one claimed a name. */
function formerStream(name: string): string {
  const hash = createHash('sha256').update(name.trim().normalize('NFC').toLowerCase()).digest('hex');
  return `grantName-${partner.tenantId}-${hash.slice(0, 32)}`;
}

/** Makes the claim of a naming what an earlier release would have made of it: in the former place, and nowhere else. */
async function claimedBefore(store: EventStore, name: string, claimedBy: string, grantId: string): Promise<void> {
  const { names } = server(store);
  const base = requestOf(ask(grantId, name), claimedBy);
  const on = (stream: string, command: MessageOf<GrantNameCommands>, commandId: string) =>
    names.handle({
      stream,
      command,
      metadata: { ...base.metadata, commandId },
      now,
      contextAt: () => undefined,
    });
  const claim = { name, claimedBy, customerId: fabrikam, grantId, relationshipRevision: 1 };
  await on(grantNameStream(partner.tenantId, name), { type: 'ReleaseGrantName', data: { claimedBy } }, 'release');
  await on(formerStream(name), { type: 'ClaimGrantName', data: claim }, 'claim');
}
