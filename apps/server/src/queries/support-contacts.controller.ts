import { Guid, Optional } from '#http';
import { findAvailableSupportContacts, listDesignations } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ListView } from './list-view.js';
import { ownOf, PageParameters } from './parameters.js';

class ContactParameters extends PageParameters {
  @Optional(Guid()) contactTenantId?: string;
}

class PartnerContactParameters extends ContactParameters {
  @Optional(Guid()) customerId?: string;
}

@RelationshipController('support-contacts')
export class CustomerSupportContactsController {
  constructor(private readonly queries: QueryBus) {}

  /** Who is designated on the customer's subscriptions, and who may be. */
  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: ContactParameters) {
    const filter = ownOf(parameters);
    const { partner, customerId } = incoming.requester;
    const pair = { partnerId: partner.tenantId, customerId };
    return this.queries.execute(
      new ListView(
        {
          view: 'support-contacts',
          page: async (db, page) => ({
            ...(await listDesignations(db, { partnerId: pair.partnerId, filter: { ...filter, customerId }, ...page })),
            beside: { available: await findAvailableSupportContacts(db, pair) },
          }),
        },
        incoming,
        parameters,
      ),
    );
  }
}

@Controller('v1/support-contacts')
export class PartnerSupportContactsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: PartnerContactParameters) {
    const filter = ownOf(parameters);
    const { tenantId: partnerId } = incoming.requester.partner;
    return this.queries.execute(
      new ListView(
        { view: 'support-contacts', page: (db, page) => listDesignations(db, { partnerId, filter, ...page }) },
        incoming,
        parameters,
      ),
    );
  }
}
