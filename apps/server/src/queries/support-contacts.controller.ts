import { Guid, Optional } from '#http';
import { findAvailableSupportContacts, listDesignations } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../commands/sends.js';
import { Asking, type Asked } from './asked.js';
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
  list(@Asking() asked: Asked, @Query() parameters: ContactParameters) {
    const filter = ownOf(parameters);
    const { partner, customerId } = asked.party;
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
        asked,
        parameters,
      ),
    );
  }
}

@Controller('v1/support-contacts')
export class PartnerSupportContactsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Asking() asked: Asked, @Query() parameters: PartnerContactParameters) {
    const filter = ownOf(parameters);
    const { tenantId: partnerId } = asked.party.partner;
    return this.queries.execute(
      new ListView(
        { view: 'support-contacts', page: (db, page) => listDesignations(db, { partnerId, filter, ...page }) },
        asked,
        parameters,
      ),
    );
  }
}
