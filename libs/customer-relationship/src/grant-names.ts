import { createHash } from 'node:crypto';
import {
  canonicalJson,
  eventCodec,
  exactly,
  idOf,
  EventOfNewerRelease,
  LogDamaged,
  noStream,
  OutcomeUnknown,
  StoreUnavailable,
  type Accepted,
  type Claim,
  type CommandLoop,
  type CommandRequest,
  type Decider,
  type Frozen,
  type MessageOf,
} from '#event-sourcing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { pairOf, relationshipStream } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { reject } from './rejections.js';
import type { CustomerRelationship, Grant, RelationshipSummary } from './state.js';
import { asSeen } from './visible-text.js';

// Rule G2 spans a partner's relationships: a GDAP name is claimed in a stream of its own, at an explicit revision,
// before the relationship takes the request. The claim belongs to the command that made it: after a crash in between,
// the same command id goes through. A grant that ends keeps its name, because Graph wants names unique over all
// relationships, ended ones too; only a renaming, or a refusal after the claim, gives one back. A request that was deleted
// or withdrawn (rule G4a) has no name any more: the next command that wants it gives the claim back.
//
// When a claim may be given back: several servers may try one command at once, and an append whose outcome is unknown
// may still come through, so the refusal of one attempt says nothing of the others. Therefore a claim names the revision
// of its relationship after which the naming is to be appended. An attempt goes on only under a claim for its own
// revision or a later one, and the store lets it append at its own revision or not at all. Once the relationship has a
// later revision than the claim names and the grant does not have the name, no attempt under the claim was accepted and
// none can be. An attempt that has not got that far must claim again, which changes the name's stream and with it the
// revision that the release expects. Time does not make this untrue, so any command that sees it may give the claim back:
// the one that made it, when it is refused or retried, or another that wants the name. A claim that a crash leaves is given
// back by the next command that wants the name once the relationship has moved on.

export interface GrantNameCommands {
  /** `claimedBy` is the id of the command that asks for the name. */
  ClaimGrantName: GrantNameClaim;
  ReleaseGrantName: { readonly claimedBy: string };
}

// Stored for ever and read by auditors: never rename an event or a field. The partner stands in the stream's name.
export interface GrantNameEvents {
  /** A command that is to give a grant this name has reserved it. */
  GrantNameClaimed: GrantNameClaim;
  /** The name is free again. */
  GrantNameReleased: { readonly name: string; readonly claimedBy: string };
}

export interface GrantNameClaim {
  readonly name: string;
  readonly claimedBy: string;
  readonly customerId: string;
  readonly grantId: string;
  /** The naming is appended to the relationship right after this revision or an earlier one, or never. */
  readonly relationshipRevision: number;
}

/** One name of one partner: claimed or free. */
export interface GrantName {
  claim?: GrantNameClaim;
}

export const grantName: Decider<GrantNameCommands, GrantNameEvents, GrantName, undefined> = {
  initialState: () => ({}),
  decide: {
    ClaimGrantName({ claim }, wanted) {
      if (claim && !isOfSameNaming(claim, wanted)) throw reject('NameNotUnique', { name: wanted.name });
      if (claim && claim.relationshipRevision >= wanted.relationshipRevision)
        throw reject('NothingToChange', { name: wanted.name });
      return [{ type: 'GrantNameClaimed', data: wanted }];
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

export const grantNameCodec = eventCodec<GrantNameEvents>({
  events: grantName.evolve,
  schemas: { GrantNameClaimed: 2 },
  upcasts: {
    // Servers that wrote schema 1 had the log to themselves and are gone: no attempt of theirs can still be accepted.
    'GrantNameClaimed@1': (claim) => ({ ...(claim as object), relationshipRevision: noStream }),
  },
});

/** Names compare as they look: without invisible characters, in Unicode normal form C and lower case. */
export function normalizedGrantName(name: string): string {
  return asSeen(name).normalize('NFC').toLowerCase();
}

/** As earlier releases compared names: what they have claimed stands under it. */
function formerlyNormalized(name: string): string {
  return name.trim().normalize('NFC').toLowerCase();
}

/** The stream of a partner's name; the name itself may hold anything, so its hash stands for it. */
export function grantNameStream(partnerId: string, name: string): string {
  return streamOf(partnerId, normalizedGrantName(name));
}

/** Where a name is claimed, and then where earlier releases may have claimed it, if that is another stream. */
function grantNameStreams(partnerId: string, name: string): readonly string[] {
  return [...new Set([grantNameStream(partnerId, name), streamOf(partnerId, formerlyNormalized(name))])];
}

function streamOf(partnerId: string, normalized: string): string {
  return `grantName-${partnerId}-${sha256(normalized).slice(0, 32)}`;
}

/** The command loop of relationships. */
export type Relationships = CommandLoop<
  RelationshipCommands,
  RelationshipEvents,
  CustomerRelationship,
  Context,
  RelationshipSummary
>;
type Names = CommandLoop<GrantNameCommands, GrantNameEvents, GrantName, undefined>;
type Request = CommandRequest<RelationshipCommands, Context>;
interface Naming {
  readonly grantId: string;
  readonly name: string;
}

/**
 * Keeps rule G2 in the command loop of relationships. A naming of a GDAP grant is decided knowing whether the name is taken,
 * and claims it before it is appended; so a name is claimed only for a command that nothing else stands in the way of.
 */
export function grantNameClaims(names: Names, relationships: Pick<Relationships, 'ask'>) {
  return (request: Request): GrantNameClaiming | undefined => {
    const naming = namingOf(request);
    return naming && new GrantNameClaiming(names, relationships, request, naming);
  };
}

/** What one naming asks of the names and does to them. */
class GrantNameClaiming implements Claim<RelationshipEvents, Context, RelationshipSummary> {
  private readonly partnerId: string;
  private readonly claimant: Claimant;
  /** As which an earlier release may have claimed for the same command. Only a partner may name a grant, so it was no other’s. */
  private readonly formerly: Claimant | undefined;
  /** What the grant was called before the last attempt. */
  private oldName: string | undefined;
  /** The position of the claim that the last attempt made. */
  private claimedAt = 0;

  constructor(
    private readonly names: Names,
    private readonly relationships: Pick<Relationships, 'ask'>,
    private readonly request: Request,
    private readonly naming: Naming,
  ) {
    const pair = pairOf(request.stream);
    if (!pair) throw new Error(`${request.stream} is not the stream of a relationship`);
    const { partnerId, customerId } = pair;
    this.partnerId = partnerId;
    const { metadata, formerId } = request;
    this.claimant = { claimedBy: metadata.commandId, customerId, grantId: naming.grantId };
    this.formerly = formerId && { ...this.claimant, claimedBy: formerId.commandId };
  }

  /** A decision refuses a name that is taken (409) before what is wrong with the data (422). */
  async facts(revision: number): Promise<Pick<Context, 'grantNameTaken'>> {
    if (await this.isHeld(await this.nameAt(revision))) return {};
    const others = this.othersIn(await this.placesOf(this.naming.name));
    return { grantNameTaken: (await this.firstNeeded(others)) !== undefined };
  }

  async make(revision: number): Promise<void> {
    this.oldName = await this.nameAt(revision);
    if (!(await this.isHeld(this.oldName))) this.claimedAt = await this.claim(revision);
  }

  async conclude(outcome: Awaited<ReturnType<Relationships['handle']>>): Promise<void> {
    if (outcome.outcome !== 'accepted') return this.giveBackUnneeded(this.naming.name);
    try {
      await this.tidyUp(outcome);
    } catch (error) {
      // The naming is recorded, and "nothing was done" would be untrue. A claim that stays may be given back later by
      // anyone: a retry of the command, or another command that wants the name.
      if (!isOfStore(error)) throw error;
    }
  }

  /**
   * Gives back what an accepted naming leaves claimed for nothing: the name that the grant had, and its own name when it
   * was accepted elsewhere and renamed since.
   */
  private async tidyUp({ replayed, revision, position, events }: Accepted<RelationshipSummary>): Promise<void> {
    const { name } = this.naming;
    // Appended after its claim, the naming needs it; a renaming since gives the name back itself. Appended before, it was
    // a repetition: of the same bytes, sent by another server in the same millisecond.
    if (replayed || position < this.claimedAt) await this.giveBackUnneeded(name);
    if (this.request.command.type !== 'UpdateDelegatedAdminRequest') return;
    const before = replayed ? await this.nameAt(revision - events.length) : this.oldName;
    if (before !== undefined && !isSameName(before, name)) await this.giveBackUnneeded(before);
  }

  /**
   * Makes the name belong to this command, for an append right after a revision. Returns the position of the claim.
   * @throws Rejection NameNotUnique
   */
  private async claim(relationshipRevision: number): Promise<number> {
    const { name } = this.naming;
    for (;;) {
      const places = await this.placesOf(name);
      const others = this.othersIn(places);
      if (await this.firstNeeded(others)) throw reject('NameNotUnique', { name });
      for (const other of others) await this.release(other);
      if (others.length > 0) continue;
      const { stream, holder, revision, position } = places[0]!;
      if (holder && holder.relationshipRevision >= relationshipRevision) return position;
      // A claim that stands is renewed under the id that it was made under.
      const { claimedBy } = holder ?? this.claimant;
      const data = { name, ...this.claimant, claimedBy, relationshipRevision };
      await this.onName(stream, revision, { type: 'ClaimGrantName', data });
    }
  }

  private async giveBackUnneeded(name: string): Promise<void> {
    for (const stream of grantNameStreams(this.partnerId, name))
      for (;;) {
        const place = await this.placeAt(stream);
        if (!isTaken(place) || (await this.isNeeded(place.holder))) break;
        await this.release(place);
      }
  }

  /**
   * Whether a grant that has a name may have it in another spelling that looks the same without a claim: it holds the name
   * as it is claimed now. A claim that an earlier release made for its spelling may be in a stream that others do not read.
   */
  private async isHeld(oldName: string | undefined): Promise<boolean> {
    const { name } = this.naming;
    if (!isSameName(oldName, name)) return false;
    if (formerlyNormalized(oldName!) === formerlyNormalized(name)) return true;
    const { customerId, grantId } = this.claimant;
    const { holder } = await this.placeAt(grantNameStream(this.partnerId, name));
    return holder?.customerId === customerId && holder.grantId === grantId;
  }

  private othersIn(places: readonly NamePlace[]): readonly TakenName[] {
    return places.filter(isTaken).filter(({ holder }) => !this.isMine(holder));
  }

  private isMine(holder: Claimant): boolean {
    return (
      isOfSameNaming(holder, this.claimant) || (this.formerly !== undefined && isOfSameNaming(holder, this.formerly))
    );
  }

  private async firstNeeded(places: readonly TakenName[]): Promise<TakenName | undefined> {
    for (const place of places) if (await this.isNeeded(place.holder)) return place;
    return undefined;
  }

  /** Whether a claim's grant has the name, or an attempt under the claim may still give it that; once not, never again. */
  private isNeeded(claim: GrantNameClaim): Promise<boolean> {
    return this.relationships.ask(
      relationshipStream(this.partnerId, claim.customerId),
      ({ grants }, { revision }) =>
        revision <= claim.relationshipRevision || isSameName(nameOf(grants.get(claim.grantId)), claim.name),
    );
  }

  /** Only of the claim that was looked at: the name's stream must not have moved since. */
  private async release({ stream, holder, revision }: TakenName): Promise<void> {
    await this.onName(stream, revision, { type: 'ReleaseGrantName', data: { claimedBy: holder.claimedBy } });
  }

  /** Sends a command to a name, caused by the naming: same actor, same correlation, an id made of the cause's. */
  private async onName(stream: string, revision: number, command: MessageOf<GrantNameCommands>): Promise<void> {
    const { comment: _, ...metadata } = this.request.metadata;
    const commandHash = sha256(canonicalJson(command));
    await this.names.handle({
      stream,
      command,
      metadata: {
        ...metadata,
        // Of the place too: the same claim may have to be made, and given back, more than once.
        commandId: idOf(sha256(`${metadata.commandId}:${stream}:${revision}:${commandHash}`)),
        commandHash,
        causationId: metadata.commandId,
      },
      now: this.request.now,
      contextAt: () => undefined,
      ifRevision: exactly(revision),
    });
  }

  /** In the order of {@link grantNameStreams}. */
  private placesOf(name: string): Promise<NamePlace[]> {
    return Promise.all(grantNameStreams(this.partnerId, name).map((stream) => this.placeAt(stream)));
  }

  private placeAt(stream: string): Promise<NamePlace> {
    return this.names.ask(stream, ({ claim }, { revision, position }) => ({
      stream,
      holder: claim,
      revision,
      position,
    }));
  }

  private nameAt(revision: number): Promise<string | undefined> {
    const { grantId } = this.naming;
    return this.relationships.ask(this.request.stream, ({ grants }) => nameOf(grants.get(grantId)), revision);
  }
}

function isOfStore(error: unknown): boolean {
  return [StoreUnavailable, OutcomeUnknown, LogDamaged, EventOfNewerRelease].some((kind) => error instanceof kind);
}

function namingOf({ command }: Request): Naming | undefined {
  if (command.type !== 'RequestDelegatedAdmin' && command.type !== 'UpdateDelegatedAdminRequest') return undefined;
  const { grantId, name } = command.data;
  return name === undefined ? undefined : { grantId, name };
}

/** A name's stream as it stands. */
interface NamePlace {
  readonly stream: string;
  readonly holder: GrantNameClaim | undefined;
  readonly revision: number;
  readonly position: number;
}
type TakenName = NamePlace & { readonly holder: GrantNameClaim };

function isTaken(place: NamePlace): place is TakenName {
  return place.holder !== undefined;
}

type Claimant = Pick<GrantNameClaim, 'claimedBy' | 'customerId' | 'grantId'>;

/** One command for one grant: under its id another command may have been sent, even for another customer. */
function isOfSameNaming(one: Claimant, other: Claimant): boolean {
  return one.claimedBy === other.claimedBy && one.customerId === other.customerId && one.grantId === other.grantId;
}

/** The name that a grant keeps from others. */
function nameOf(grant: Frozen<Grant> | undefined): string | undefined {
  if (grant?.kind !== 'gdap' || grant.status === 'deleted' || grant.status === 'withdrawn') return undefined;
  return grant.name;
}

function isSameName(one: string | undefined, other: string): boolean {
  return one !== undefined && normalizedGrantName(one) === normalizedGrantName(other);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
