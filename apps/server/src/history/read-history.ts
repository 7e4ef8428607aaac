import { Rejection, type RecordedEvent } from '#event-sourcing';
import { Answer, ledgerPosition } from '#http';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Ledger } from '../ledger.js';
import { requireReader, type Party } from '../party.js';

/** A page of one relationship's events, behind a revision. */
export class ReadHistory {
  constructor(
    readonly party: Party,
    readonly path: string,
    readonly after: number,
    readonly limit: number,
  ) {}
}

@QueryHandler(ReadHistory)
export class ReadHistoryHandler implements IQueryHandler<ReadHistory, Answer> {
  constructor(private readonly ledger: Ledger) {}

  async execute({ party, path, after, limit }: ReadHistory): Promise<Answer> {
    // It names the partner's people, so it is for the partner's side alone.
    if (party.actor.kind === 'customerUser') throw new Rejection('ActorNotAllowed', { hint: 'askThePartner' });
    requireReader(party);
    const { store, relationships, id } = this.ledger;
    const { revision, position } = await relationships.ask(party.stream, (_, place) => ({ ...place }));
    if (revision < 0) throw new Rejection('RelationshipNotFound');

    const events = await store.read(party.stream, { from: after + 1, to: Math.min(after + limit, revision) });
    const last = events.at(-1)?.revision ?? revision;
    const headers: Record<string, string> = {
      'Content-Type': 'application/cloudevents-batch+json; charset=utf-8',
      'Ledger-Position': ledgerPosition(position, id),
      'Cache-Control': 'private, no-cache',
    };
    if (last < revision) headers['Link'] = `<${path}?after=${last}&limit=${limit}>; rel="next"`;
    return new Answer(200, headers, JSON.stringify(events.map((event) => cloudEvent(event, id))));
  }
}

/**
 * An event as it is stored, in the JSON form of CloudEvents 1.0. Extensions carry the rest of the envelope, so that a
 * reader can compute its hash: names are lower case and values flat, as the specification asks for.
 */
export function cloudEvent({ id, type, stream, revision, position, data, metadata }: RecordedEvent, ledgerId: string) {
  const { actor, policy, command, comment } = metadata;
  return {
    specversion: '1.0',
    id,
    source: `urn:reseller-ledger:${ledgerId}`,
    type,
    subject: stream,
    time: metadata.recordedAt,
    datacontenttype: 'application/json',
    revision,
    position: String(position),
    correlationid: metadata.correlationId,
    causationid: metadata.causationId,
    ...(command === undefined ? {} : { command }),
    commandid: metadata.commandId,
    commandhash: metadata.commandHash,
    actorid: actor.id,
    actorkind: actor.kind,
    actorroles: actor.roles.join(','),
    actortenant: actor.tenant,
    ...(comment === undefined ? {} : { comment }),
    policyname: policy.name,
    policyhash: policy.hash,
    schema: metadata.schema,
    hash: metadata.hash,
    previoushash: metadata.previousHash,
    data,
  };
}
