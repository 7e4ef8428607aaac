import {
  blocksAs,
  softwareKinds,
  subscriptionKinds,
  type SoftwareKind,
  type SubscriptionKind,
} from '#customer-relationship';
import { FlagText, Guid, OneOf, Optional, Text, Time } from '#http';
import {
  blockingFacts,
  itemSorts,
  itemTypes,
  listItems,
  type Item,
  type ItemSort,
  type ItemStatus,
  type ItemType,
} from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ListView } from './list-view.js';
import { ownOf, PageParameters } from './parameters.js';
import type { Circumstances } from './read-relationship.js';

const itemStatuses = [
  'pending',
  'active',
  'suspended',
  'expired',
  'disabled',
  'deleted',
  'cancellationRequested',
  'cancelled',
  'completed',
] as const satisfies readonly ItemStatus[];

class ItemParameters extends PageParameters {
  @Optional(OneOf(itemSorts)) sort?: ItemSort;
  @Optional(OneOf(itemTypes)) item?: ItemType;
  @Optional(OneOf(itemStatuses)) status?: ItemStatus;
  @Optional(OneOf([...new Set([...subscriptionKinds, ...softwareKinds])])) kind?: SubscriptionKind | SoftwareKind;
  @Optional(FlagText()) current?: boolean;
  @Optional(Text(200)) nameStartsWith?: string;
  @Optional(Text(200)) nameContains?: string;
  @Optional(Time()) endsUntil?: string;
}

class PartnerItemParameters extends ItemParameters {
  @Optional(Guid()) customerId?: string;
}

@RelationshipController('items')
export class CustomerItemsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: ItemParameters) {
    return this.queries.execute(items(incoming, parameters, { customerId: incoming.requester.customerId }));
  }
}

@Controller('v1/items')
export class PartnerItemsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: PartnerItemParameters) {
    return this.queries.execute(items(incoming, parameters));
  }
}

function items(
  incoming: IncomingQuery,
  parameters: PartnerItemParameters,
  only: { readonly customerId?: string } = {},
): ListView {
  const { sort, ...filter } = ownOf(parameters);
  const { tenantId: partnerId } = incoming.requester.partner;
  const shown = (item: Item, { policy, now }: Circumstances) => {
    const facts = blockingFacts(item);
    return { ...item, blocks: (facts && blocksAs(facts, policy, now)) ?? null };
  };
  return new ListView(
    {
      view: 'items',
      // A reservation past its end has expired and blocks no more, whatever the view's position.
      dependsOnClock: true,
      page: async (db, page, at) => {
        const { rows, ...rest } = await listItems(db, {
          partnerId,
          now: at.now,
          ...(sort ? { sort } : {}),
          filter: { ...filter, ...only },
          ...page,
        });
        return { ...rest, rows: rows.map((item) => shown(item, at)) };
      },
    },
    incoming,
    parameters,
  );
}
