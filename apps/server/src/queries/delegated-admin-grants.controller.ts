import type { GrantStatus } from '#customer-relationship';
import { Guid, OneOf, Optional } from '#http';
import { grantSorts, listGrants, type GrantSort } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ListView } from './list-view.js';
import { ownOf, PageParameters } from './parameters.js';

const statuses = [
  'open',
  'all',
  'created',
  'approvalPending',
  'approved',
  'active',
  'terminated',
  'expired',
  'revoked',
] as const satisfies readonly (GrantStatus | 'open' | 'all')[];

class GrantParameters extends PageParameters {
  @Optional(OneOf(grantSorts)) sort?: GrantSort;
  /** Default: open, which is what has not ended. */
  @Optional(OneOf(statuses)) status?: (typeof statuses)[number];
  @Optional(OneOf(['dap', 'gdap'])) kind?: 'dap' | 'gdap';
}

class PartnerGrantParameters extends GrantParameters {
  @Optional(Guid()) customerId?: string;
}

@RelationshipController('delegated-admin')
export class CustomerGrantsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: GrantParameters) {
    return this.queries.execute(grants(incoming, parameters, { customerId: incoming.requester.customerId }));
  }
}

@Controller('v1/delegated-admin-grants')
export class PartnerGrantsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: PartnerGrantParameters) {
    return this.queries.execute(grants(incoming, parameters));
  }
}

function grants(
  incoming: IncomingQuery,
  parameters: PartnerGrantParameters,
  only: { readonly customerId?: string } = {},
): ListView {
  const { sort, ...filter } = ownOf(parameters);
  const { tenantId: partnerId } = incoming.requester.partner;
  return new ListView(
    {
      view: 'delegated-admin-grants',
      page: (db, page, { now }) =>
        listGrants(db, { partnerId, now, ...(sort ? { sort } : {}), filter: { ...filter, ...only }, ...page }),
      dependsOnClock: true,
    },
    incoming,
    parameters,
  );
}
