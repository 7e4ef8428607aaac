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
  type CommandHandler,
  type CommandOutcome,
  type CommandRequest,
  type Decider,
  type Frozen,
  type MessageOf,
} from '#event-sourcing';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { pairOf, relationshipStream } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { reject, rejections, type RejectionKind } from './rejections.js';
import type { CustomerRelationship, Grant, RelationshipSummary } from './state.js';
import { asSeen } from './visible-text.js';

// Rule G2 spans a partner's relationships: a GDAP name is claimed in a stream of its own, at an explicit revision,
// before the relationship takes the request. The claim belongs to the command that made it: after a crash in between,
// the same command id goes through. A grant that ends keeps its name, because Graph wants names unique over all
// relationships, ended ones too; only a renaming, or a refusal after the claim, gives one back.
//
// When a claim may be given back: several servers may try one command at once, and an append whose outcome is unknown
// may still come through, so that one attempt was refused says nothing of the others. Therefore a claim names the
// revision of its relationship behind which the naming is to be appended. An attempt goes on only under a claim for its
// own revision or a later one, and the store lets it append at its own revision or not at all. Once the relationship
// stands at a later revision than the claim names and the grant does not have the name, no attempt under the claim was
// accepted and none can be; one that has not got so far must claim anew, which changes the name's stream, and with it
// the revision that the release expects. No waiting makes this untrue, so whoever sees it may give the claim back: the
// command itself when it is refused or tried again, or another command that wants the name. What a crash leaves behind
// is free again as soon as the relationship has moved on and somebody tries.

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
  /** The naming is appended to the relationship right behind this revision or an earlier one, or never. */
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

/** The handler of commands to relationships. */
export type Relationships = CommandHandler<
  RelationshipCommands,
  RelationshipEvents,
  CustomerRelationship,
  Context,
  RelationshipSummary
>;
type Names = CommandHandler<GrantNameCommands, GrantNameEvents, GrantName, undefined>;
type Request = CommandRequest<RelationshipCommands, Context>;
type Outcome = CommandOutcome<RelationshipEvents, RelationshipSummary>;
type Accepted = Extract<Outcome, { readonly outcome: 'accepted' }>;
interface Naming {
  readonly grantId: string;
  readonly name: string;
}

/**
 * The handler of relationship commands that also keeps rule G2. Everything but the naming of a GDAP grant passes straight
 * through. A naming is decided as if the name were free and claims it before it is appended, so that a name is claimed
 * only for a command that nothing else stands in the way of; a dry run looks whether the name is taken and claims nothing.
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

    let oldName: string | undefined;
    let claimedAt = 0;
    const outcome = await relationships.handle({
      ...request,
      async beforeAppend(revision) {
        await request.beforeAppend?.(revision);
        oldName = await nameAt(request, naming.grantId, revision);
        if (!(await isHeld(request, naming, oldName))) claimedAt = await claim(request, naming, revision);
      },
    });
    if (outcome.outcome === 'accepted') await tidyUp(request, naming, outcome, { oldName, claimedAt });
    else await giveBackUnneeded(request, naming.name);
    return isOfMeaning(outcome) ? decideKnowing(request, naming, outcome) : outcome;
  }

  /**
   * Gives back what an accepted naming leaves claimed for nothing: the name that the grant had, and its own name when it
   * was accepted elsewhere and renamed since. Whether the store is there for that must not change the answer: the naming
   * is recorded, and "nothing was done" would be untrue. A claim that stays may be given back later by anyone: a retry
   * of the command, or whoever wants the name.
   */
  async function tidyUp(
    request: Request,
    naming: Naming,
    { replayed, revision, position, events }: Accepted,
    { oldName, claimedAt }: { readonly oldName: string | undefined; readonly claimedAt: number },
  ): Promise<void> {
    try {
      // Appended behind its claim, the naming needs it; a renaming since gives the name back itself. Appended before, it
      // was a repetition: of the same bytes, sent by another server in the same millisecond.
      if (replayed || position < claimedAt) await giveBackUnneeded(request, naming.name);
      if (request.command.type !== 'UpdateDelegatedAdminRequest') return;
      const before = replayed ? await nameAt(request, naming.grantId, revision - events.length) : oldName;
      if (before !== undefined && !isSameName(before, naming.name)) await giveBackUnneeded(request, before);
    } catch (error) {
      if (!isOfStore(error)) throw error;
    }
  }

  async function rehearse(request: Request, naming: Naming): Promise<Outcome> {
    const rehearsal = await relationships.handle(request);
    if (rehearsal.outcome !== 'wouldBeAccepted' && !isOfMeaning(rehearsal)) return rehearsal;
    return decideKnowing(request, naming, rehearsal);
  }

  /**
   * What was decided as if the name were free, or else decided again, knowing that it is not. That it is taken (409) goes
   * before what is wrong with the data (422), for which no name is claimed.
   */
  async function decideKnowing(request: Request, naming: Naming, outcome: Outcome): Promise<Outcome> {
    if (await isHeld(request, naming, await nameAt(request, naming.grantId, outcome.revision))) return outcome;
    const places = await placesOf(request, naming.name);
    if (!(await firstNeeded(request, othersIn(places, claimant(request, naming))))) return outcome;
    return relationships.handle({
      ...request,
      contextAt: (now) => ({ ...request.contextAt(now), grantNameTaken: true }),
    });
  }

  /**
   * Makes the name belong to this command, for an append right behind a revision. Returns the position of the claim.
   * @throws Rejection NameNotUnique
   */
  async function claim(request: Request, naming: Naming, relationshipRevision: number): Promise<number> {
    const { name } = naming;
    const wanted = { name, ...claimant(request, naming), relationshipRevision };
    for (;;) {
      const places = await placesOf(request, name);
      const others = othersIn(places, wanted);
      if (await firstNeeded(request, others)) throw reject('NameNotUnique', { name });
      for (const other of others) await release(request, other);
      if (others.length > 0) continue;
      const { stream, holder, revision, position } = places[0]!;
      if (holder && holder.relationshipRevision >= relationshipRevision) return position;
      await onName(request, stream, revision, { type: 'ClaimGrantName', data: wanted });
    }
  }

  async function giveBackUnneeded(request: Request, name: string): Promise<void> {
    for (const stream of grantNameStreams(pair(request).partnerId, name))
      for (;;) {
        const place = await placeAt(stream);
        if (!isTaken(place) || (await isNeeded(request, place.holder))) break;
        await release(request, place);
      }
  }

  /**
   * Whether a grant that has a name may have it in another spelling that looks the same without a claim: it holds the name
   * as it is claimed now. A claim that an earlier release made for its spelling may stand where nobody else would look.
   */
  async function isHeld(request: Request, { grantId, name }: Naming, oldName: string | undefined): Promise<boolean> {
    if (!isSameName(oldName, name)) return false;
    if (formerlyNormalized(oldName!) === formerlyNormalized(name)) return true;
    const { partnerId, customerId } = pair(request);
    const { holder } = await placeAt(grantNameStream(partnerId, name));
    return holder?.customerId === customerId && holder.grantId === grantId;
  }

  async function firstNeeded(request: Request, places: readonly TakenName[]): Promise<TakenName | undefined> {
    for (const place of places) if (await isNeeded(request, place.holder)) return place;
    return undefined;
  }

  /** Whether a claim's grant has the name, or an attempt under the claim may still give it that; once not, never again. */
  function isNeeded(request: Request, claim: GrantNameClaim): Promise<boolean> {
    return relationships.ask(
      relationshipStream(pair(request).partnerId, claim.customerId),
      ({ grants }, { revision }) =>
        revision <= claim.relationshipRevision || isSameName(nameOf(grants.get(claim.grantId)), claim.name),
    );
  }

  /** Only of the claim that was looked at: the name's stream must not have moved since. */
  async function release(request: Request, { stream, holder, revision }: TakenName): Promise<void> {
    await onName(request, stream, revision, { type: 'ReleaseGrantName', data: { claimedBy: holder.claimedBy } });
  }

  async function onName(
    request: Request,
    stream: string,
    at: number,
    command: MessageOf<GrantNameCommands>,
  ): Promise<void> {
    await names.handle({ ...derive(request, stream, at, command), ifRevision: exactly(at) });
  }

  /** In the order of {@link grantNameStreams}. */
  function placesOf(request: Request, name: string): Promise<NamePlace[]> {
    return Promise.all(grantNameStreams(pair(request).partnerId, name).map(placeAt));
  }

  function placeAt(stream: string): Promise<NamePlace> {
    return names.ask(stream, ({ claim }, { revision, position }) => ({ stream, holder: claim, revision, position }));
  }

  function nameAt({ stream }: Request, grantId: string, revision: number): Promise<string | undefined> {
    return relationships.ask(stream, ({ grants }) => nameOf(grants.get(grantId)), revision);
  }
}

function isOfStore(error: unknown): boolean {
  return [StoreUnavailable, OutcomeUnknown, LogDamaged, EventOfNewerRelease].some((kind) => error instanceof kind);
}

function isOfMeaning(outcome: Outcome): boolean {
  return (
    outcome.outcome === 'refused' &&
    (rejections as Partial<Record<string, RejectionKind>>)[outcome.rejection.code] === 'meaning'
  );
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

function othersIn(places: readonly NamePlace[], wanted: Claimant): readonly TakenName[] {
  return places.filter(isTaken).filter(({ holder }) => !isOfSameNaming(holder, wanted));
}

type Claimant = Pick<GrantNameClaim, 'claimedBy' | 'customerId' | 'grantId'>;

function claimant(request: Request, { grantId }: Naming): Claimant {
  return { claimedBy: request.metadata.commandId, customerId: pair(request).customerId, grantId };
}

/** One command for one grant: under its id another command may have been sent, even for another customer. */
function isOfSameNaming(one: Claimant, other: Claimant): boolean {
  return one.claimedBy === other.claimedBy && one.customerId === other.customerId && one.grantId === other.grantId;
}

function nameOf(grant: Frozen<Grant> | undefined): string | undefined {
  return grant?.kind === 'gdap' ? grant.name : undefined;
}

function isSameName(one: string | undefined, other: string): boolean {
  return one !== undefined && normalizedGrantName(one) === normalizedGrantName(other);
}

/** A command on a name, caused by the naming: same actor, same correlation, an id made of the cause's. */
function derive(
  request: Request,
  stream: string,
  revision: number,
  command: MessageOf<GrantNameCommands>,
): CommandRequest<GrantNameCommands, undefined> {
  const { comment: _, ...metadata } = request.metadata;
  const commandHash = sha256(canonicalJson(command));
  return {
    stream,
    command,
    metadata: {
      ...metadata,
      // Of the place too: the same claim may have to be made, and given back, more than once.
      commandId: idOf(sha256(`${metadata.commandId}:${stream}:${revision}:${commandHash}`)),
      commandHash,
      causationId: metadata.commandId,
    },
    now: request.now,
    contextAt: () => undefined,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
