import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import { RelationshipController } from '../commands/sends.js';
import { Asking, type Asked } from './asked.js';
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
  relationship(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(asked, relationshipShown, parameters));
  }

  @Get('removal-readiness')
  readiness(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(asked, readinessShown, parameters, { dependsOnClock: true }));
  }
}

/** Single items, where the answer to a purchase or a request says that they are. */
@RelationshipController('')
export class ItemQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get('subscriptions/:subscriptionId')
  subscription(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, subscriptionShown(asked.ids['subscriptionId']!));
  }

  @Get('subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId')
  azureSubscription(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(
      asked,
      parameters,
      azureSubscriptionShown(asked.ids['subscriptionId']!, asked.ids['azureSubscriptionId']!),
    );
  }

  @Get('reservations/:reservationId')
  reservation(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, reservationShown(asked.ids['reservationId']!));
  }

  @Get('software/:purchaseId')
  software(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, softwareShown(asked.ids['purchaseId']!));
  }

  @Get('savings-plans/:savingsPlanId')
  savingsPlan(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, savingsPlanShown(asked.ids['savingsPlanId']!));
  }

  @Get('delegated-admin/:grantId')
  grant(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, grantShown(asked.ids['grantId']!));
  }

  @Get('delegated-admin/:grantId/access-assignments/:assignmentId')
  accessAssignment(@Asking() asked: Asked, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(asked, parameters, accessAssignmentShown(asked.ids['grantId']!, asked.ids['assignmentId']!));
  }

  private read(asked: Asked, parameters: RelationshipAsOfParameters, shown: Shown) {
    return this.queries.execute(new ReadRelationship(asked, shown, parameters));
  }
}
