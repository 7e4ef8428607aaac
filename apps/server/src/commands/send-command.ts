import { createHmac, hash } from 'node:crypto';
import {
  requireRight,
  sideOf,
  sides,
  type CommandName,
  type Context,
  type RelationshipCommands,
  type RelationshipEvents,
  type RelationshipSummary,
} from '#customer-relationship';
import {
  canonicalJson,
  idOf,
  type CommandOutcome,
  type CommandRequest,
  type MessageOf,
  type Precondition,
  type Receipt,
} from '#event-sourcing';
import { Answer, entityTag, formerFormOf, preconditionFailed, Problem, Refusal } from '#http';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ServedLedger } from '../served-ledger.js';
import { release } from '../release.js';
import { commandWatch } from '../traced.js';
import { formFor } from '../representation.js';
import type { CommandAnswer } from './command-answer.js';
import type { CommentedBody } from './commented-body.js';
import type { IncomingCommand } from './incoming-command.js';

type Request = CommandRequest<RelationshipCommands, Context>;
type Identity = Pick<Request['metadata'], 'commandHash' | 'commandId'> & {
  readonly [Name in 'formerCommandHash' | 'formerId']?: Request[Name] | undefined;
};
type Outcome = CommandOutcome<RelationshipEvents, RelationshipSummary>;

/** A command as it came in by HTTP; the one command that the bus carries. */
export class SendCommand {
  constructor(
    readonly incoming: IncomingCommand,
    readonly body: CommentedBody,
  ) {}
}

/**
 * From a command by HTTP to the command loop and back. It has been authenticated and read; what remains is the sender's
 * right, the look-up of the key, the precondition and the decision. The command loop keeps this order.
 */
@CommandHandler(SendCommand)
export class SendCommandHandler implements ICommandHandler<SendCommand, Answer> {
  /** Ids of the commands that are being decided in this server. */
  private readonly inProgress = new Set<string>();

  constructor(private readonly ledger: ServedLedger) {}

  async execute({ incoming, body }: SendCommand): Promise<Answer> {
    const request = this.requestOf(incoming, body);
    return this.oneAtATime(request, async () => {
      const outcome = await this.ledger.relationships.handle(request);
      const { call } = incoming;
      call.outcome = isReplayed(outcome) ? 'replayed' : outcome.outcome;
      if (call.outcome === 'accepted')
        call.appended = weightOf((outcome as Receipt<RelationshipSummary>).events.length, body);
      return this.answer(incoming, request.command.data, outcome);
    });
  }

  private requestOf(incoming: IncomingCommand, body: CommentedBody): Request {
    const { command: type, requester, ids, dryRun, instance, call } = incoming;
    const { partner, customerId, actor, stream } = requester;
    const { comment, ...data } = body;
    const { policy, policyHash, salesRegions, actorId: actorIdOf } = this.ledger;
    const { commandHash, commandId, formerCommandHash, formerId } = this.identityOf(incoming, body);
    const ifRevision = precondition(incoming);
    return {
      stream,
      command: { type, data: { ...ids, ...data } } as unknown as MessageOf<RelationshipCommands>,
      metadata: {
        actor,
        causationId: call.correlationId,
        ...(comment === undefined ? {} : { comment }),
        commandHash,
        commandId,
        correlationId: call.correlationId,
        policy: { name: policy.name, hash: policyHash },
        release,
        ...(call.trace ? { traceparent: call.trace.traceparent } : {}),
      },
      ...(formerCommandHash === undefined ? {} : { formerCommandHash }),
      ...(formerId ? { formerId } : {}),
      now: this.ledger.clock.now(),
      contextAt: (now) => ({ now, actor, policy, partner, customerId, salesRegions, actorIdOf }),
      ...(ifRevision ? { ifRevision } : {}),
      dryRun,
      instance,
      ...(call.trace?.span ? { watch: commandWatch(call.trace.span, type, this.ledger) } : {}),
    };
  }

  /** The id under which the log knows a command, and what distinguishes a retry from another command under the same key. */
  private identityOf({ command, requester, ids, key }: IncomingCommand, body: CommentedBody): Identity {
    if (key === undefined) return { commandId: 'dry-run', commandHash: '' };
    const former = formerFormOf(body);
    return {
      ...commandIdsOf(requester, key),
      commandHash: this.fingerprint(command, ids, body),
      formerCommandHash: former && this.fingerprint(command, ids, former),
    };
  }

  /** A secret keeps guessable bodies from being read out of a fingerprint. */
  private fingerprint(command: CommandName, ids: IncomingCommand['ids'], body: object): string {
    return createHmac('sha256', this.ledger.secret).update(canonicalJson({ command, ids, body })).digest('hex');
  }

  /**
   * Refuses a command whose id is being decided in this server. Whose key it is, only the log says: what runs under it may
   * itself be the one that has taken the key of another.
   */
  private async oneAtATime(
    { command, metadata: { commandId }, now, contextAt, dryRun }: Request,
    decide: () => Promise<Answer>,
  ): Promise<Answer> {
    if (dryRun) return decide();
    if (this.inProgress.has(commandId)) {
      // In place of the command loop, which does not see this attempt: a sender without the right learns nothing from it.
      requireRight(command.type, contextAt(now));
      throw new Problem('CommandInProgress', {}, { 'Retry-After': '1' });
    }
    this.inProgress.add(commandId);
    try {
      return await decide();
    } finally {
      this.inProgress.delete(commandId);
    }
  }

  private async answer(incoming: IncomingCommand, data: object, outcome: Outcome): Promise<Answer> {
    if (outcome.outcome === 'accepted') return this.accepted(incoming, data, outcome, outcome.replayed);
    const { revision, position } = outcome;
    const place = position > 0 ? { 'Ledger-Position': await this.ledger.positions.at(position) } : undefined;
    switch (outcome.outcome) {
      case 'wouldBeAccepted':
        return new Answer(200, place ?? {}, wouldBeAccepted(incoming, outcome));
      case 'refused':
        throw new Refusal(
          outcome.rejection,
          isReplayed(outcome) ? { ...place, ...replayedHeader } : (place ?? {}),
          outcome.recorded,
        );
      case 'preconditionFailed':
        if (outcome.failed === 'missing') throw new Problem('PreconditionRequired', { revision });
        throw preconditionFailed(
          outcome.failed === 'match' ? 'If-Match' : 'If-None-Match',
          { revision: revision < 0 ? null : revision },
          revision < 0 ? {} : { ...place, ETag: entityTag(revision, formFor(incoming.requester.partner)) },
        );
      case 'commandIdReused':
        throw new Problem('IdempotencyKeyReused');
    }
  }

  /** The answer rests on the receipt alone, so that a retry gets the same, and needs nothing more of the store. */
  private accepted(
    { route: { creates }, requester }: IncomingCommand,
    data: object,
    receipt: Receipt<RelationshipSummary>,
    replayed: boolean,
  ): Answer {
    const { revision, position, id, events, summary, correlationId } = receipt;
    const created = creates !== undefined && events.includes(creates.event);
    const headers: Record<string, string> = {
      ETag: entityTag(revision, formFor(requester.partner)),
      'Ledger-Position': this.ledger.positions.of({ position, id }),
    };
    if (created)
      headers['Location'] = `${pathFor(requester)}/${filled(creates.at, data as Readonly<Record<string, string>>)}`;
    if (replayed) Object.assign(headers, replayedHeader);
    // Written by hand: GUIDs, words of ours and correlation ids need no escaping, and this is the busiest answer.
    const body =
      `{"relationship":{"partnerId":"${requester.partner.tenantId}","customerId":"${requester.customerId}","status":"${summary.status}",` +
      `"relationshipTerm":${summary.relationshipTerm}},"revision":${revision},"position":"${position}",` +
      `"events":["${events.join('","')}"],"correlationId":"${correlationId}"}`;
    return new Answer(created ? 201 : 200, headers, body);
  }
}

/** How many events count as appended: each carries the comment, and so counts again for each KiB of it. */
function weightOf(events: number, { comment }: CommentedBody): number {
  return events === 1 || comment === undefined ? events : events * (1 + Math.floor(Buffer.byteLength(comment) / 1024));
}

/** The same form as an accepted command, with the relationship as it stands before it. */
function wouldBeAccepted(
  { requester, call }: IncomingCommand,
  { summary, revision, position, events }: Extract<Outcome, { readonly outcome: 'wouldBeAccepted' }>,
): CommandAnswer {
  const { status, relationshipTerm } = summary;
  return {
    dryRun: true,
    relationship: { partnerId: requester.partner.tenantId, customerId: requester.customerId, status, relationshipTerm },
    revision,
    position: String(position),
    events: events.map(({ type }) => type),
    wouldRecord: events,
    correlationId: call.correlationId,
  };
}

/** What must hold of the revision of the relationship. A dry run needs no condition. */
function precondition({ precondition: sent, route, dryRun }: IncomingCommand): Precondition | undefined {
  return route.needsIfMatch && !dryRun && sent?.match === undefined ? { ...sent, match: 'missing' } : sent;
}

const replayedHeader = { 'Idempotent-Replayed': 'true' };

function isReplayed(outcome: Outcome): boolean {
  if (outcome.outcome === 'refused') return outcome.recorded?.replayed === true;
  return outcome.outcome === 'accepted' && outcome.replayed;
}

/** Of the relationship, in one form for all callers on a side of it: a retry may come by the other that a partner may use. */
function pathFor({ actor, partner, customerId }: IncomingCommand['requester']): string {
  const below = `customers/${customerId}`;
  return actor.kind === 'customerUser' ? `/v1/partners/${partner.tenantId}/${below}` : `/v1/${below}`;
}

/** A path with the ids of a command in it. */
function filled(path: string, ids: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => ids[name]!);
}

/**
 * The id of the command that a key stands for, within one partner, customer and side: what the one side sends is never in the
 * way of the other. Earlier releases left the side out. Their texts begin with a GUID, so no key leads from one form to the other.
 */
function commandIdsOf(
  { actor, partner, customerId }: IncomingCommand['requester'],
  key: string,
): Pick<Identity, 'commandId' | 'formerId'> {
  const side = sideOf(actor.kind);
  const formerly = `${partner.tenantId}/${customerId}/${key}`;
  return {
    commandId: idOf(hash('sha256', `${side}/${formerly}`)),
    formerId: { commandId: idOf(hash('sha256', formerly)), actorKinds: sides[side] },
  };
}
