import { hash, randomUUID } from 'node:crypto';
import {
  dataNaming,
  relationshipStream,
  type Actor,
  type Context,
  type RelationshipCommands,
} from '#customer-relationship';
import { idOf, type CommandRequest, type MessageOf } from '#event-sourcing';
import type { DueItem } from '#read-models';
import type { ServedLedger } from '../served-ledger.js';
import { release } from '../release.js';
import { keyOf } from './due-items.js';

type Ledger = Pick<ServedLedger, 'partners' | 'policy' | 'policyHash' | 'salesRegions'>;

/**
 * The command that records what is due. Its id stands for the boundary: every server and every run makes the same, and the
 * log takes it once. No caller's key leads to it: what is hashed for a caller begins with another side, and in earlier
 * releases with the partner's id.
 */
export function clockCommand(
  item: DueItem,
  { partners, policy, policyHash, salesRegions }: Ledger,
  now: string,
): CommandRequest<RelationshipCommands, Context> {
  const { partnerId, customerId, noun, id, command: type } = item;
  const partner = partners.get(partnerId)!;
  const actor: Actor = { id: 'timekeeper', kind: 'system', roles: [], tenant: partnerId };
  const digest = hash('sha256', `system/${keyOf(item)}`);
  const correlationId = randomUUID();
  return {
    stream: relationshipStream(partnerId, customerId),
    command: { type, data: dataNaming({ noun, id }) } as unknown as MessageOf<RelationshipCommands>,
    metadata: {
      actor,
      causationId: correlationId,
      // Nothing in it that the id does not stand for.
      commandHash: digest,
      commandId: idOf(digest),
      correlationId,
      policy: { name: policy.name, hash: policyHash },
      release,
    },
    now,
    contextAt: (time) => ({ now: time, actor, policy, partner, customerId, salesRegions }),
    refusalsUnrecorded: true,
  };
}
