import { createHmac, hash } from 'node:crypto';
import {
  requireRight,
  type CommandName,
  type Context,
  type RelationshipCommands,
  type RelationshipEvents,
  type RelationshipSummary,
} from '#customer-relationship';
import { canonicalJson, idOf, type CommandOutcome, type MessageOf, type Receipt } from '#event-sourcing';
import { Answer, entityTag, formerFormOf, Problem, Refusal } from '#http';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ServedLedger } from '../served-ledger.js';
import { release } from '../release.js';
import { representation } from '../representation.js';
import type { CommandAnswer } from './command-answer.js';
import type { CommentedBody } from './commented-body.js';
import type { IncomingCommand } from './incoming-command.js';

type Outcome = CommandOutcome<RelationshipEvents, RelationshipSummary>;

/** A command as it came in by HTTP; the one command that the bus carries. */
export class SendCommand {
  constructor(
    readonly incoming: IncomingCommand,
    readonly body: CommentedBody,
  ) {}
}

/**
 * From a command by HTTP to the command loop and back. Authenticated and read it has been; what remains is the sender's
 * right, and then the look-up of the key, the precondition and the decision, in this order, which the command loop keeps.
 */
@CommandHandler(SendCommand)
export class SendCommandHandler implements ICommandHandler<SendCommand, Answer> {
  /** Ids of the commands that are being decided in this server. */
  private readonly inProgress = new Set<string>();

  constructor(private readonly ledger: ServedLedger) {}

  async execute({ incoming, body }: SendCommand): Promise<Answer> {
    const { requester, ids, key, call } = incoming;
    const { comment, ...data } = body;
    const type = incoming.command;
    const command = { type, data: { ...ids, ...data } } as unknown as MessageOf<RelationshipCommands>;
    const { partner, customerId, actor } = requester;
    const now = this.ledger.clock();
    const { policy, salesRegions } = this.ledger;
    const contextAt = (at: string): Context => ({ now: at, actor, policy, partner, customerId, salesRegions });
    // Every attempt anew, and before the key is looked up: who may not send it learns nothing by retrying somebody's key.
    requireRight(type, contextAt(now));

    const commandId = key === undefined ? 'dry-run' : commandIdOf(partner.tenantId, customerId, key);
    const commandHash = key === undefined ? '' : this.fingerprint(type, ids, body);
    const former = key === undefined ? undefined : formerFormOf(body);
    const leave = key === undefined ? undefined : this.enter(commandId);
    try {
      const send = (ifRevision: ReturnType<typeof condition>, dryRun: boolean) =>
        this.ledger.relationships.handle({
          stream: requester.stream,
          command,
          metadata: {
            actor,
            causationId: call.correlationId,
            ...(comment === undefined ? {} : { comment }),
            commandHash,
            commandId,
            correlationId: call.correlationId,
            policy: { name: policy.name, hash: this.ledger.policyHash },
            release,
          },
          ...(former ? { formerCommandHash: this.fingerprint(type, ids, former) } : {}),
          now,
          contextAt,
          instance: incoming.instance,
          ...(ifRevision ? { ifRevision } : {}),
          dryRun,
        });

      for (;;) {
        const outcome = await send(condition(incoming), incoming.dryRun);
        call.outcome = isReplayed(outcome) ? 'replayed' : outcome.outcome;
        if (outcome.outcome !== 'preconditionFailed' || outcome.revision >= 0)
          return await this.answer(incoming, command.data, outcome);
        // There is nothing that could match. What the command would meet without its condition says why (RFC 9110, 13.2.1).
        const without = await send(undefined, true);
        // Unless the relationship has come into being meanwhile: then it is decided, and a refusal must be remembered.
        if (without.revision < 0)
          return await this.answer(incoming, command.data, without.outcome === 'refused' ? without : outcome);
      }
    } finally {
      leave?.();
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
        if (!incoming.precondition) throw new Problem('PreconditionRequired', { revision });
        throw new Problem(
          'PreconditionFailed',
          { revision: revision < 0 ? null : revision },
          revision < 0 ? {} : { ...place, ETag: entityTag(revision, representation) },
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
      ETag: entityTag(revision, representation),
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

  /**
   * Marks a command as being decided; the way out is the function that it returns. Whose key it is, only the log says: what
   * runs under it may itself be the one that has taken the key of another.
   */
  private enter(commandId: string): () => void {
    if (this.inProgress.has(commandId)) throw new Problem('CommandInProgress', {}, { 'Retry-After': '1' });
    this.inProgress.add(commandId);
    return () => this.inProgress.delete(commandId);
  }

  /** Tells a retry from another command under the same key; a secret keeps guessable bodies from being read out of it. */
  private fingerprint(command: CommandName, ids: IncomingCommand['ids'], body: object): string {
    return createHmac('sha256', this.ledger.secret).update(canonicalJson({ command, ids, body })).digest('hex');
  }
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

/** What must hold for the revision of the relationship; where a condition is missing that is required, nothing does. */
function condition({ precondition, route, dryRun }: IncomingCommand): ((revision: number) => boolean) | undefined {
  if (!precondition) return route.needsIfMatch && !dryRun ? () => false : undefined;
  return precondition.any ? (revision) => revision >= 0 : (revision) => precondition.revisions.includes(revision);
}

const replayedHeader = { 'Idempotent-Replayed': 'true' };

function isReplayed(outcome: Outcome): boolean {
  if (outcome.outcome === 'refused') return outcome.recorded?.replayed === true;
  return outcome.outcome === 'accepted' && outcome.replayed;
}

/** Of the relationship, in one form for everybody on a side of it: a retry may come by the other that a partner may use. */
function pathFor({ actor, partner, customerId }: IncomingCommand['requester']): string {
  const below = `customers/${customerId}`;
  return actor.kind === 'customerUser' ? `/v1/partners/${partner.tenantId}/${below}` : `/v1/${below}`;
}

/** A path with the ids of a command in it. */
function filled(path: string, ids: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => ids[name]!);
}

/** The id of the command that a key stands for, within one partner and customer. */
export function commandIdOf(partnerId: string, customerId: string, key: string): string {
  return idOf(hash('sha256', `${partnerId}/${customerId}/${key}`));
}
