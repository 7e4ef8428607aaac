import { createHash } from 'node:crypto';
import {
  customerRelationship,
  defaultPolicy,
  policyHash,
  relationshipCodec,
  relationshipSummary,
  relationshipStream,
  type Actor,
  type Partner,
  type RelationshipCommands,
} from '#customer-relationship';
import { CommandLoop, FoldedStreams, idOf, type EventStore, type MessageOf } from '#event-sourcing';
import { sealOfRelease } from '../apps/server/src/event-check.js';

// Relationships as they are after a year or two, for benches to send commands to.

export const partner: Partner = {
  tenantId: 'a0be0000-0000-4000-8000-000000000001',
  partnerId: '4200001',
  name: 'Bench Cloud',
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [],
};
export const admin: Actor = {
  id: 'bench-admin',
  kind: 'partnerUser',
  roles: ['GlobalAdmin', 'AdminAgent'],
  tenant: partner.tenantId,
};

export interface PreparedRelationship {
  readonly customerId: string;
  readonly stream: string;
  /** An active subscription that takes any quantity. */
  readonly subscriptionId: string;
}

export const eventsPerRelationship = 20;

/** A number of relationships of {@link eventsPerRelationship} events each, written through the command loop. */
export async function prepareRelationships(store: EventStore, count: number): Promise<PreparedRelationship[]> {
  const { handle } = new CommandLoop({
    streams: new FoldedStreams({
      store,
      decider: customerRelationship,
      codec: relationshipCodec,
      summaryOf: relationshipSummary,
    }),
    seal: sealOfRelease,
  });
  const policy = { name: defaultPolicy.name, hash: policyHash(defaultPolicy) };

  async function prepare(index: number): Promise<PreparedRelationship> {
    const id = (what: string) => idOf(createHash('sha256').update(`bench/${index}/${what}`).digest('hex'));
    const customerId = id('customer');
    const stream = relationshipStream(partner.tenantId, customerId);
    const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
    const subscriptionId = id('seats');
    let last = -1;
    const send = async (command: MessageOf<RelationshipCommands>, actor = admin) => {
      const commandId = id(`command ${last}`);
      const now = new Date().toISOString();
      const outcome = await handle({
        stream,
        command,
        metadata: {
          actor,
          causationId: commandId,
          commandHash: commandId,
          commandId,
          correlationId: commandId,
          policy,
        },
        now,
        contextAt: (at) => ({ now: at, actor, policy: defaultPolicy, partner, customerId }),
      });
      if (outcome.outcome !== 'accepted') throw new Error(`${command.type}: ${JSON.stringify(outcome)}`);
      last = outcome.revision;
    };
    const purchase = {
      kind: 'newCommerce',
      offerId: 'nce-business-premium',
      quantity: 5,
      termDuration: 'P1Y',
    } as const;

    await send({
      type: 'RequestResellerRelationship',
      data: { customer: { name: `Customer ${index}`, domain: `customer-${index}.example` }, market: partner.market },
    });
    await send({ type: 'AcceptResellerRelationship', data: {} }, customer);
    await send({ type: 'ConfirmCustomerAgreement', data: {} });
    await send({
      type: 'PurchaseSubscription',
      data: { ...purchase, subscriptionId, name: 'Business Premium', provisioned: true },
    });
    for (const name of ['Frontline', 'Project', 'Archive'])
      await send({
        type: 'PurchaseSubscription',
        data: { ...purchase, subscriptionId: id(name), name, provisioned: true },
      });
    for (let quantity = 10; last < eventsPerRelationship - 1; quantity++)
      await send({ type: 'ChangeSubscriptionQuantity', data: { subscriptionId, quantity } });
    return { customerId, stream, subscriptionId };
  }

  const prepared: PreparedRelationship[] = [];
  // Many at a time, so that a store with group commit has groups to commit.
  for (let first = 0; first < count; first += 256)
    prepared.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(256, count - first) }, (_, index) => prepare(first + index)),
      )),
    );
  return prepared;
}
