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
import { Documented } from '../contract/documented.js';

@RelationshipController('reseller-relationship')
export class RelationshipQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Documented({
    id: 'getRelationship',
    summary: 'Read a relationship',
    kind: 'standing',
    answer: 'Relationship',
    says: 'The relationship as it stands now.',
  })
  relationship(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(incoming, relationshipShown, parameters));
  }

  @Get('removal-readiness')
  @Documented({
    id: 'getRemovalReadiness',
    summary: 'Ask what a removal would meet',
    kind: 'readiness',
    answer: 'RemovalReadiness',
    says: 'What a removal meets now, what it would end and what it would not.',
  })
  readiness(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.queries.execute(new ReadRelationship(incoming, readinessShown, parameters, { dependsOnClock: true }));
  }
}

/** Single items, where the answer to a purchase or a request says that they are. */
@RelationshipController('')
export class ItemQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get('subscriptions/:subscriptionId')
  @Documented({
    id: 'getSubscription',
    summary: 'Read a subscription',
    kind: 'standing',
    answer: 'Subscription',
    says: 'The subscription as it stands now.',
  })
  subscription(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, subscriptionShown(incoming.ids['subscriptionId']!));
  }

  @Get('subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId')
  @Documented({
    id: 'getAzureSubscription',
    summary: 'Read an Azure subscription',
    kind: 'standing',
    answer: 'AzureSubscription',
    says: 'The Azure subscription as it stands now.',
  })
  azureSubscription(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(
      incoming,
      parameters,
      azureSubscriptionShown(incoming.ids['subscriptionId']!, incoming.ids['azureSubscriptionId']!),
    );
  }

  @Get('reservations/:reservationId')
  @Documented({
    id: 'getReservation',
    summary: 'Read a reservation',
    kind: 'standing',
    answer: 'Reservation',
    says: 'The reservation as it stands now.',
  })
  reservation(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, reservationShown(incoming.ids['reservationId']!));
  }

  @Get('software/:purchaseId')
  @Documented({
    id: 'getSoftwarePurchase',
    summary: 'Read a software purchase',
    kind: 'standing',
    answer: 'SoftwarePurchase',
    says: 'The purchase as it stands now.',
  })
  software(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, softwareShown(incoming.ids['purchaseId']!));
  }

  @Get('savings-plans/:savingsPlanId')
  @Documented({
    id: 'getSavingsPlan',
    summary: 'Read a savings plan',
    kind: 'standing',
    answer: 'SavingsPlan',
    says: 'The savings plan as it stands now.',
  })
  savingsPlan(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, savingsPlanShown(incoming.ids['savingsPlanId']!));
  }

  @Get('delegated-admin/:grantId')
  @Documented({
    id: 'getGrant',
    summary: 'Read a delegated admin grant',
    kind: 'standing',
    answer: 'Grant',
    says: 'The grant as it stands now.',
  })
  grant(@Incoming() incoming: IncomingQuery, @Query() parameters: RelationshipAsOfParameters) {
    return this.read(incoming, parameters, grantShown(incoming.ids['grantId']!));
  }

  @Get('delegated-admin/:grantId/access-assignments/:assignmentId')
  @Documented({
    id: 'getAccessAssignment',
    summary: 'Read an access assignment',
    kind: 'standing',
    answer: 'AccessAssignment',
    says: 'The access assignment as it stands now.',
  })
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
