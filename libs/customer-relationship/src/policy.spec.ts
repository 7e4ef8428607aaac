import { describe, expect, it, jest } from '@jest/globals';
import { canonicalJson, decideOn, Rejection } from '#event-sourcing';
import * as table from './commands.js';
import { requireRight, type CommandName } from './commands.js';
import { customerRelationship } from './customer-relationship.js';
import { roles, type Actor, type Role } from './parties.js';
import { defaultPolicy, policies, policyHash, policyNamed, type Policy } from './policy.js';
import { byUser } from './rights.js';
import { salesRegionsOf2023 } from './sales-regions.js';
import { initialState } from './state.js';
import { clockCommands } from './statuses.js';
import {
  anyCommand,
  context,
  customersDecision,
  customerUser,
  isAmong,
  laterPolicy,
  partnerApp,
  partnerUser,
  policyOf2020,
  sendersOf,
} from './testing.js';

describe('A policy', () => {
  // Its name and hash stand in the metadata of every event that it allowed.
  const published: Readonly<Record<string, string>> = {
    'partner-center-2026-11': '871b56d6035f60f1416281b58ef51bac2e0cac3aa870a8e6113ca29484c35772',
    'partner-center-2026-11-later': '4f000b0337fdd513ba5e49730c5387e934ab2cf3b7d627a29835570c81234995',
    'partner-center-2020-06': '264e82f54ae60c3d1027a0b9e933ba1b5ed94318710b1b7c981146ffbedc86b3',
    'partner-center-later': '1ea0eb2629338f6d24c46725a52e805fd76a1c9f7e77dc7eac22a1768f23d66b',
  };

  it.each(Object.keys(policies))('%s never changes once it is published', (name) => {
    const ifItDiffers =
      'A value of a published policy has changed. Events name it by this hash: leave it as it was, and give the new value to a new policy under a new name.';
    expect({ name, hash: policyHash(policies[name]!), ifItDiffers }).toEqual({
      name,
      hash: published[name],
      ifItDiffers,
    });
  });

  it('is known by its hash and by the one that it had while it held the rights of all commands', () => {
    const former = {
      'partner-center-2020-06': '1773472860acc5c6cd4eb0e8f683628c7169db3f10cd0f198a747fcbbc7aad70',
      'partner-center-later': '8a91e5f8adaaabcc3ab6804ce94f462dcab8e0484399a6c0a05892021bf301a6',
    };
    for (const [name, hash] of [...Object.entries(published), ...Object.entries(former)])
      expect(policyNamed({ name, hash })).toBe(policies[name]);
    for (const reference of [
      { name: 'partner-center-later', hash: former['partner-center-2020-06'] },
      { name: 'partner-center-2020-06', hash: published['partner-center-later']! },
      { name: 'of-another-time', hash: former['partner-center-later'] },
      { name: 'constructor', hash: former['partner-center-later'] },
      { name: 'partner-center-later', hash: 'constructor' },
      { name: 'partner-center-2020-06', hash: '' },
    ])
      expect(policyNamed(reference)).toBeUndefined();
  });

  it('depends neither on which commands exist nor on their default rights', async () => {
    jest.resetModules();
    jest.unstable_mockModule('./commands.js', () => ({
      ...table,
      commands: Object.fromEntries(
        [...Object.entries(table.commands), ['TransferSubscription', {}] as const].map(([name, command]) => [
          name,
          { ...command, right: byUser() },
        ]),
      ),
    }));
    const another = await import('./policy.js');
    expect(another.policies).not.toBe(policies);
    for (const [name, policy] of Object.entries(another.policies)) {
      expect({ name, hash: another.policyHash(policy) }).toEqual({ name, hash: published[name] });
      expect(another.policyNamed({ name, hash: published[name]! })).toBe(policy);
    }
  });

  it('is found by its name for ever; the default is the newest', () => {
    expect(Object.keys(policies)).toEqual(Object.keys(published));
    for (const [name, policy] of Object.entries(policies)) expect(policy.name).toBe(name);
    expect(defaultPolicy).toBe(policies['partner-center-2026-11']);
  });

  it('is another one as soon as a value differs, wherever it stands', () => {
    const hash = policyHash(policyOf2020);
    expect(policyHash({ ...policyOf2020, trialDays: 31 })).not.toBe(hash);
    expect(policyHash({ ...policyOf2020, limits: { ...policyOf2020.limits, grants: 99 } })).not.toBe(hash);
    expect(policyHash(JSON.parse(canonicalJson(policyOf2020)) as Policy)).toBe(hash);
  });

  it('differs from the later one in who may remove and in what blocks (R4, R9, R10)', () => {
    const { name, rights: overrides, removal, ...rest } = policyOf2020;
    const { name: laterName, rights: laterOverrides, removal: laterRemoval, ...laterRest } = laterPolicy;
    expect([name, laterName]).toEqual(['partner-center-2020-06', 'partner-center-later']);
    expect(laterRest).toEqual(rest);
    expect(overrides).toEqual({});
    expect(laterOverrides).toEqual({
      RemoveResellerRelationship: {
        anyOf: ['GlobalAdmin', 'AdminAgent', 'SalesAgent'],
        appOnly: false,
        customer: false,
      },
    });
    expect(removal).toEqual({
      partnerTypes: ['directBillPartner', 'indirectProvider'],
      suspendedNewCommerceBlocks: false,
      savingsPlansBlock: false,
      softwarePastWindowBlocks: true,
      noticeAcknowledgementRequired: false,
    });
    expect(laterRemoval).toEqual({ ...removal, suspendedNewCommerceBlocks: true, savingsPlansBlock: true });
  });
});

describe('The policies of November 2026', () => {
  it('are those before with sales regions (R26a) and reasons for an ordinary end (S19a), and nothing else', () => {
    for (const [name, before] of [
      ['partner-center-2026-11', policyOf2020],
      ['partner-center-2026-11-later', laterPolicy],
    ] as const) {
      const { salesRegions, azureCancellationReasons, ...rest } = policies[name]!;
      expect({ ...rest, name: before.name, azureCancellationReasons: ['compromise'] }).toEqual(before);
      expect(salesRegions).toBe(salesRegionsOf2023);
      expect(azureCancellationReasons).toEqual([
        'compromise',
        'customerRequest',
        'dispute',
        'fraud',
        'migration',
        'nonPayment',
        'other',
      ]);
    }
  });
});

const names = Object.keys(sendersOf) as CommandName[];

/** No role, each alone, every pair, and all. */
const roleSets: readonly (readonly Role[])[] = [
  [],
  ...roles.map((role) => [role]),
  ...roles.flatMap((one, index) => roles.slice(index + 1).map((other) => [one, other])),
  roles,
];

function refusal(command: CommandName, actor: Actor, policy = policyOf2020): string | undefined {
  try {
    requireRight(command, { ...context, actor, policy });
    return undefined;
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return error.code;
  }
}

function expected(command: CommandName, { kind, roles: held }: Actor, users: string): string | undefined {
  const [, relaying, customer] = sendersOf[command];
  // The decision refuses the others.
  const apps = sendersOf[command] === customersDecision ? users : relaying;
  if (kind === 'customerUser') return customer === 'customer' ? undefined : 'ActorNotAllowed';
  if (kind === 'partnerApp' && apps === '-') return 'UserContextRequired';
  return isAmong(kind === 'partnerApp' ? apps : users, held) ? undefined : 'RoleNotAllowed';
}

describe.each(Object.values(policies))('The rights under $name', (policy) => {
  const usersOf = (command: CommandName) => {
    if (policy.name.endsWith('later') && command === 'RemoveResellerRelationship') return 'GAS';
    const senders = sendersOf[command];
    return senders === customersDecision ? 'GASHB' : senders[0];
  };

  it.each(names)('%s: exactly those who may (R4, R5, R28, S19)', (command) => {
    for (const set of roleSets)
      for (const actor of [partnerUser(...set), partnerApp(...set), customerUser(...set)])
        expect({ actor, refusal: refusal(command, actor, policy) }).toEqual({
          actor,
          refusal: expected(command, actor, usersOf(command)),
        });
  });
});

describe('The rights', () => {
  it('are asked for by every command, before anything of the relationship is looked at', () => {
    const powerless = partnerUser('Auditor', 'DataProtectionOfficer', 'CustomerGlobalAdmin');
    for (const command of names)
      expect(() =>
        decideOn(customerRelationship, initialState(), anyCommand[command], { ...context, actor: powerless }),
      ).toThrow(new Rejection('RoleNotAllowed'));
  });

  it("admit the ledger itself to the clock's commands alone, under every policy", () => {
    const timekeeper: Actor = { id: 'timekeeper', kind: 'system', roles: [], tenant: context.partner.tenantId };
    const clock: readonly CommandName[] = clockCommands;
    for (const policy of Object.values(policies))
      for (const command of names)
        expect([command, refusal(command, timekeeper, policy)]).toEqual([
          command,
          clock.includes(command) ? undefined : 'RoleNotAllowed',
        ]);
  });

  it('are named in the refusal, as far as the sender can do something about it (R4, R5, R28, S19)', () => {
    const details = (command: CommandName, actor: Actor) => {
      try {
        requireRight(command, { ...context, actor });
      } catch (error) {
        return { ...(error as Rejection).details };
      }
      return undefined;
    };
    expect(details('RequestDelegatedAdmin', partnerUser('GlobalAdmin'))).toEqual({
      command: 'RequestDelegatedAdmin',
      anyOf: ['AdminAgent'],
    });
    expect(details('CancelAzureSubscription', partnerUser('GlobalAdmin'))).toEqual({
      command: 'CancelAzureSubscription',
      allOf: ['GlobalAdmin', 'AdminAgent'],
    });
    expect(details('RemoveResellerRelationship', partnerApp('GlobalAdmin'))).toEqual({
      command: 'RemoveResellerRelationship',
    });
    expect(details('RemoveResellerRelationship', customerUser('CustomerGlobalAdmin'))).toEqual({
      command: 'RemoveResellerRelationship',
      hint: 'askThePartner',
    });
    expect(details('RemoveResellerRelationship', partnerUser('GlobalAdmin'))).toBeUndefined();
  });
});
