import type { CustomerRelationship } from '#customer-relationship';
import { Rejection, type Frozen } from '#event-sourcing';
import { Answer, entityTag, ledgerPosition, noneMatch } from '#http';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Ledger } from '../ledger.js';
import { requireReader, type Party } from '../party.js';
import { representation } from '../representation.js';

/**
 * A question about one relationship, answered from its stream and therefore as it stands now. The answer is what `show`
 * makes of the state; a rejection that it throws is the answer too.
 */
export class ReadRelationship {
  constructor(
    readonly party: Party,
    readonly show: (state: Frozen<CustomerRelationship>, party: Party, now: string) => object,
    readonly options: {
      readonly ifNoneMatch?: string | undefined;
      /** What depends on the clock or the policy is not the same because the revision is: no tag, nothing stored. */
      readonly dependsOnClock?: boolean;
    } = {},
  ) {}
}

@QueryHandler(ReadRelationship)
export class ReadRelationshipHandler implements IQueryHandler<ReadRelationship, Answer> {
  constructor(private readonly ledger: Ledger) {}

  async execute({ party, show, options }: ReadRelationship): Promise<Answer> {
    requireReader(party);
    const now = this.ledger.clock();
    return this.ledger.relationships.ask(party.stream, (state, { revision, position }) => {
      if (revision < 0) throw new Rejection('RelationshipNotFound');
      const place = { 'Ledger-Position': ledgerPosition(position, this.ledger.id) };
      const body = () => ({ ...show(state, party, now), revision, position: String(position) });
      if (options.dependsOnClock) return new Answer(200, { ...place, 'Cache-Control': 'no-store' }, body());
      const headers = { ...place, ETag: entityTag(revision, representation), 'Cache-Control': 'private, no-cache' };
      if (noneMatch(options.ifNoneMatch, headers.ETag)) return new Answer(304, headers, undefined);
      return new Answer(200, headers, JSON.stringify(body()));
    });
  }
}
