import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ReadRelationship, type Shown } from './read-relationship.js';
import {
  accessAssignmentShown,
  azureSubscriptionShown,
  grantShown,
  readinessShown,
  relationshipShown,
  reservationShown,
  savingsPlanShown,
  softwareShown,
  subscriptionShown,
} from './shown.js';

@RelationshipController('reseller-relationship')
export class RelationshipQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  relationship(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(incoming, relationshipShown, parameters));
  }

  @Get('removal-readiness')
  readiness(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(incoming, readinessShown, parameters, { dependsOnClock: true }));
  }
}

/** Single items, where the answer to a purchase or a request says that they are. */
@RelationshipController('')
export class ItemQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get('subscriptions/:subscriptionId')
  subscription(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, subscriptionShown(incoming.ids['subscriptionId']!));
  }

  @Get('subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId')
  azureSubscription(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(
      incoming,
      parameters,
      azureSubscriptionShown(incoming.ids['subscriptionId']!, incoming.ids['azureSubscriptionId']!),
    );
  }

  @Get('reservations/:reservationId')
  reservation(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, reservationShown(incoming.ids['reservationId']!));
  }

  @Get('software/:purchaseId')
  software(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, softwareShown(incoming.ids['purchaseId']!));
  }

  @Get('savings-plans/:savingsPlanId')
  savingsPlan(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, savingsPlanShown(incoming.ids['savingsPlanId']!));
  }

  @Get('delegated-admin/:grantId')
  grant(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, grantShown(incoming.ids['grantId']!));
  }

  @Get('delegated-admin/:grantId/access-assignments/:assignmentId')
  accessAssignment(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(
      incoming,
      parameters,
      accessAssignmentShown(incoming.ids['grantId']!, incoming.ids['assignmentId']!),
    );
  }

  private read(incoming: IncomingQuery, parameters: RelationshipAsOfParameters, shown: Shown) {
    return this.queries.execute(new ReadRelationship(incoming, shown, parameters));
  }
}
