import { badRequest, Matching, Optional, WholeText } from '#http';
import { itemTypes, type ItemType } from '#read-models';
import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import { RelationshipController } from '../commands/sends.js';
import { namedRevision } from '../named-revision.js';
import { Asking, type Asked } from '../queries/asked.js';
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
  customer(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    return this.explain(customerRow(), asked, parameters);
  }

  @Get('items/:item/:itemId')
  item(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    const { item, itemId } = asked.ids;
    if (!isItemType(item)) throw badRequest('InvalidPath', 'item', `must be one of ${itemTypes.join(', ')}`);
    return this.explain(itemRow(pairOf(asked), item, itemId!), asked, parameters);
  }

  @Get('support-contacts')
  availableContacts(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    return this.explain(availableContactsRow(), asked, parameters);
  }

  @Get('support-contacts/:subscriptionId')
  designation(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    return this.explain(designationRow(asked.ids['subscriptionId']!), asked, parameters);
  }

  @Get('delegated-admin-grants/:grantId')
  grant(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    return this.explain(grantRow(asked.ids['grantId']!), asked, parameters);
  }

  @Get('ended-relationships')
  ended(@Asking() asked: Asked, @Query() parameters: ExplanationParameters) {
    return this.explain(endedRow(), asked, parameters);
  }

  private explain(row: ExplainedRow, asked: Asked, parameters: ExplanationParameters) {
    return this.queries.execute(new ExplainRow(row, asked, parameters));
  }
}

const pairOf = ({ party: { partner, customerId } }: Asked) => ({ partnerId: partner.tenantId, customerId });

function isItemType(word: string | undefined): word is ItemType {
  return itemTypes.some((type) => type === word);
}
