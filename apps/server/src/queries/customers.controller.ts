import { Guid, Matching, OneOf, Optional, Text } from '#http';
import { customerSorts, listCustomers, type CustomerSort } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ListView } from './list-view.js';
import { ownOf, PageParameters } from './parameters.js';

class CustomerParameters extends PageParameters {
  @Optional(OneOf(customerSorts)) sort?: CustomerSort;
  @Optional(Guid()) customerId?: string;
  @Optional(Text(200)) nameStartsWith?: string;
  @Optional(Text(200)) nameContains?: string;
  @Optional(Matching(/^[A-Za-z0-9.-]{1,253}$/, 'a domain name', 'contoso.example')) domain?: string;
}

@Controller('v1/customers')
export class CustomersController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: CustomerParameters) {
    const { sort, ...filter } = ownOf(parameters);
    const { tenantId: partnerId } = incoming.requester.partner;
    return this.queries.execute(
      new ListView(
        {
          view: 'customer-list',
          page: (db, page) => listCustomers(db, { partnerId, ...(sort ? { sort } : {}), filter, ...page }),
        },
        incoming,
        parameters,
      ),
    );
  }
}
