import { createHash } from 'node:crypto';
import {
  canonicalJson,
  eventCodec,
  idOf,
  type CommandHandler,
  type CommandOutcome,
  type CommandRequest,
  type Decider,
  type Frozen,
  type MessageOf,
} from '#event-sourcing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { pairOf } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { reject } from './rejections.js';
import type { CustomerRelationship, Grant } from './state.js';

// Rule G2 spans a partner's relationships: a GDAP name is claimed in a stream of its own, at an explicit revision,
// before the relationship takes the request. The claim belongs to the command that made it: after a crash in between,
// the same command id goes through and any other is refused. A grant that ends keeps its name, because Graph wants
// names unique over all relationships, ended ones too; only a renaming, or a refusal after the claim, gives one back.

export interface GrantNameCommands {
  /** `claimedBy` is the id of the command that asks for the name. */
  ClaimGrantName: GrantNameClaim;
  ReleaseGrantName: { readonly claimedBy: string };
}

// Stored for ever and read by auditors: never rename an event or a field. The partner stands in the stream's name.
export interface GrantNameEvents {
  GrantNameClaimed: GrantNameClaim;
  GrantNameReleased: { readonly name: string; readonly claimedBy: string };
}

export interface GrantNameClaim {
  readonly name: string;
  readonly claimedBy: string;
  readonly customerId: string;
  readonly grantId: string;
}

/** One name of one partner: claimed or free. */
export interface GrantName {
  claim?: GrantNameClaim;
}

export const grantName: Decider<GrantNameCommands, GrantNameEvents, GrantName, undefined> = {
  initialState: () => ({}),
  decide: {
    ClaimGrantName({ claim }, { name, claimedBy, customerId, grantId }) {
      if (claim?.claimedBy === claimedBy) throw reject('NothingToChange', { name });
      if (claim) throw reject('NameNotUnique', { name });
      return [{ type: 'GrantNameClaimed', data: { name, claimedBy, customerId, grantId } }];
    },
    ReleaseGrantName({ claim }, { claimedBy }) {
      if (claim?.claimedBy !== claimedBy) throw reject('NothingToChange', { claimedBy });
      return [{ type: 'GrantNameReleased', data: { name: claim.name, claimedBy } }];
    },
  },
  evolve: {
    GrantNameClaimed(state, claim) {
      state.claim = claim;
    },
    GrantNameReleased(state) {
      delete state.claim;
    },
  },
};

export const grantNameCodec = eventCodec<GrantNameEvents>({ events: grantName.evolve });

/** Names compare after trimming, in Unicode normal form C and lower case. */
export function normalizedGrantName(name: string): string {
  return name.trim().normalize('NFC').toLowerCase();
}

/** The stream of a partner's name; the name itself may hold anything, so its hash stands for it. */
export function grantNameStream(partnerId: string, name: string): string {
  return `grantName-${partnerId}-${sha256(normalizedGrantName(name)).slice(0, 32)}`;
}

type Relationships = CommandHandler<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context>;
type Names = CommandHandler<GrantNameCommands, GrantNameEvents, GrantName, undefined>;
type Request = CommandRequest<RelationshipCommands, Context>;
type Outcome = CommandOutcome<RelationshipEvents>;
interface Naming {
  readonly grantId: string;
  readonly name: string;
}

/** No stream is ever there: a command with this `ifRevision` is answered from memory or not at all. */
const nowhere = -2;

/**
 * The handler of relationship commands that also keeps rule G2. Everything but the naming of a GDAP grant passes straight
 * through. A naming is rehearsed as if the name were free, so that a name is claimed only for a command that nothing else
 * stands in the way of; a dry run looks whether the name is taken and claims nothing.
 */
export function relationshipCommands({
  relationships,
  names,
}: {
  readonly relationships: Relationships;
  readonly names: Names;
}): Relationships {
  return { handle, ask: (stream, question, atRevision) => relationships.ask(stream, question, atRevision) };

  async function handle(request: Request): Promise<Outcome> {
    const naming = namingOf(request);
    if (!naming) return relationships.handle(request);
    if (request.dryRun) return rehearse(request, naming);

    const remembered = await relationships.handle({ ...request, ifRevision: nowhere });
    if (remembered.outcome !== 'preconditionFailed') return settled(request, naming, remembered);
    for (;;) {
      const rehearsal = await relationships.handle({ ...request, dryRun: true });
      if (rehearsal.outcome !== 'wouldBeAccepted') return rehearsal;
      const { revision } = rehearsal;
      if (await isNewName(request, naming, revision)) {
        const claimed = await claim(request, naming);
        return settled(request, naming, await relationships.handle(withNameTaken(request, !claimed)), claimed);
      }
      // Without a claim the name must not change meanwhile; if it did, the next rehearsal says what that means.
      const outcome = await relationships.handle({ ...request, ifRevision: revision });
      if (outcome.outcome !== 'preconditionFailed') return outcome;
    }
  }

  async function rehearse(request: Request, naming: Naming): Promise<Outcome> {
    const rehearsal = await relationships.handle(request);
    if (rehearsal.outcome !== 'wouldBeAccepted' || !(await isNewName(request, naming, rehearsal.revision)))
      return rehearsal;
    const { holder } = await holderOf(request, naming.name);
    return holder ? relationships.handle(withNameTaken(request, true)) : rehearsal;
  }

  /** Gives back what the answer leaves without use: the old name after a renaming, the claim after a refusal. */
  async function settled(request: Request, naming: Naming, outcome: Outcome, claimed = false): Promise<Outcome> {
    const { commandId } = request.metadata;
    if (outcome.outcome === 'accepted') {
      if (request.command.type === 'RequestDelegatedAdmin') return outcome;
      const before = outcome.revision - outcome.events.length;
      const oldName = await nameAt(request, naming.grantId, before);
      if (oldName === undefined || isSameName(oldName, naming.name)) return outcome;
      const { holder } = await holderOf(request, oldName);
      // One release for ever under this id: a late retry must not free the name that the grant has taken up again.
      if (holder && isFor(holder, request, naming)) await release(request, oldName, holder.claimedBy, commandId);
    } else if (claimed) {
      const { revision } = await holderOf(request, naming.name);
      await release(request, naming.name, commandId, `${commandId}:${revision}`);
    }
    return outcome;
  }

  /** True when the name belongs to this command, claimed now or by an attempt before. */
  async function claim(request: Request, naming: Naming): Promise<boolean> {
    const { commandId: claimedBy } = request.metadata;
    const data = { name: naming.name, claimedBy, customerId: pair(request).customerId, grantId: naming.grantId };
    for (;;) {
      const { holder, revision } = await holderOf(request, naming.name);
      if (holder) return holder.claimedBy === claimedBy && isFor(holder, request, naming);
      const derived = derive(request, naming.name, `claim:${claimedBy}:${revision}`, { type: 'ClaimGrantName', data });
      await names.handle({ ...derived, ifRevision: revision });
    }
  }

  async function release(request: Request, name: string, claimedBy: string, id: string): Promise<void> {
    await names.handle(derive(request, name, `release:${id}`, { type: 'ReleaseGrantName', data: { claimedBy } }));
  }

  function holderOf(request: Request, name: string) {
    const stream = grantNameStream(pair(request).partnerId, name);
    return names.ask(stream, (state, { revision }) => ({ holder: state.claim, revision }));
  }

  function nameAt({ stream }: Request, grantId: string, revision: number): Promise<string | undefined> {
    const nameOf = (grant: Frozen<Grant> | undefined) => (grant?.kind === 'gdap' ? grant.name : undefined);
    return relationships.ask(stream, ({ grants }) => nameOf(grants.get(grantId)), revision);
  }

  async function isNewName(request: Request, { grantId, name }: Naming, revision: number): Promise<boolean> {
    const present = await nameAt(request, grantId, revision);
    return present === undefined || !isSameName(present, name);
  }
}

function namingOf({ command }: Request): Naming | undefined {
  if (command.type !== 'RequestDelegatedAdmin' && command.type !== 'UpdateDelegatedAdminRequest') return undefined;
  const { grantId, name } = command.data;
  return name === undefined ? undefined : { grantId, name };
}

function pair({ stream }: Request) {
  const ids = pairOf(stream);
  if (!ids) throw new Error(`${stream} is not the stream of a relationship`);
  return ids;
}

function isFor(holder: GrantNameClaim, request: Request, { grantId }: Naming): boolean {
  return holder.customerId === pair(request).customerId && holder.grantId === grantId;
}

function isSameName(one: string, other: string): boolean {
  return normalizedGrantName(one) === normalizedGrantName(other);
}

function withNameTaken(request: Request, grantNameTaken: boolean): Request {
  return { ...request, contextAt: (now) => ({ ...request.contextAt(now), grantNameTaken }) };
}

/** A command on a name, caused by the naming: same actor, same correlation, an id made of the cause's. */
function derive(
  request: Request,
  name: string,
  id: string,
  command: MessageOf<GrantNameCommands>,
): CommandRequest<GrantNameCommands, undefined> {
  const { comment: _, ...metadata } = request.metadata;
  return {
    stream: grantNameStream(pair(request).partnerId, name),
    command,
    metadata: {
      ...metadata,
      commandId: idOf(sha256(id)),
      commandHash: sha256(canonicalJson(command)),
      causationId: metadata.commandId,
    },
    now: request.now,
    contextAt: () => undefined,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
