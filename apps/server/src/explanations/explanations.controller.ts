import { badRequest, Matching, Optional, WholeText } from '#http';
import { itemTypes, type ItemType } from '#read-models';
import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import { RelationshipController } from '../relationship-paths.js';
import { namedRevision } from '../named-revision.js';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { ExplainRow } from './explain-row.js';
import {
  availableContactsRow,
  customerRow,
  designationRow,
  endedRow,
  grantRow,
  itemRow,
  type ExplainedRow,
} from './explained-rows.js';

export class ExplanationParameters extends RelationshipAsOfParameters {
  /** Events behind this revision; absent: from the first. */
  @Optional(Matching(namedRevision, 'a revision, or one as the next link brings it', '7')) after?: string;
  @Optional(WholeText(1, 200)) limit?: number;
}

/** Why a row of a list is as it is: by the names and keys that the lists have, of any view. */
@RelationshipController('explanations')
export class ExplanationsController {
  constructor(private readonly queries: QueryBus) {}

  @Get('customer-list')
  customer(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    return this.explain(customerRow(), incoming, parameters);
  }

  @Get('items/:item/:itemId')
  item(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    const { item, itemId } = incoming.ids;
    if (!isItemType(item)) throw badRequest('InvalidPath', 'item', `must be one of ${itemTypes.join(', ')}`);
    return this.explain(itemRow(pairOf(incoming), item, itemId!), incoming, parameters);
  }

  @Get('support-contacts')
  availableContacts(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    return this.explain(availableContactsRow(), incoming, parameters);
  }

  @Get('support-contacts/:subscriptionId')
  designation(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    return this.explain(designationRow(incoming.ids['subscriptionId']!), incoming, parameters);
  }

  @Get('delegated-admin-grants/:grantId')
  grant(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    return this.explain(grantRow(incoming.ids['grantId']!), incoming, parameters);
  }

  @Get('ended-relationships')
  ended(@Incoming() incoming: IncomingQuery, @Query() parameters: ExplanationParameters) {
    return this.explain(endedRow(), incoming, parameters);
  }

  private explain(row: ExplainedRow, incoming: IncomingQuery, parameters: ExplanationParameters) {
    return this.queries.execute(new ExplainRow(row, incoming, parameters));
  }
}

const pairOf = ({ requester: { partner, customerId } }: IncomingQuery) => ({ partnerId: partner.tenantId, customerId });

function isItemType(word: string | undefined): word is ItemType {
  return itemTypes.some((type) => type === word);
}
