import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../commands/sends.js';
import { Ledger } from '../ledger.js';
import { Asking, type Asked } from './asked.js';
import { NoParameters } from './parameters.js';
import { ReadRelationship } from './read-relationship.js';
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
  constructor(
    private readonly queries: QueryBus,
    private readonly ledger: Ledger,
  ) {}

  @Get()
  relationship(@Asking() { party, headers }: Asked, @Query() _: NoParameters) {
    return this.queries.execute(
      new ReadRelationship(party, relationshipShown, { ifNoneMatch: headers['if-none-match'] }),
    );
  }

  @Get('removal-readiness')
  readiness(@Asking() { party }: Asked, @Query() _: NoParameters) {
    return this.queries.execute(
      new ReadRelationship(party, readinessShown(this.ledger.policy), { dependsOnClock: true }),
    );
  }
}

/** Single items, where the answer to a purchase or a request says that they are. */
@RelationshipController('')
export class ItemQueries {
  constructor(private readonly queries: QueryBus) {}

  @Get('subscriptions/:subscriptionId')
  subscription(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, subscriptionShown(asked.ids['subscriptionId']!));
  }

  @Get('subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId')
  azureSubscription(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, azureSubscriptionShown(asked.ids['subscriptionId']!, asked.ids['azureSubscriptionId']!));
  }

  @Get('reservations/:reservationId')
  reservation(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, reservationShown(asked.ids['reservationId']!));
  }

  @Get('software/:purchaseId')
  software(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, softwareShown(asked.ids['purchaseId']!));
  }

  @Get('savings-plans/:savingsPlanId')
  savingsPlan(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, savingsPlanShown(asked.ids['savingsPlanId']!));
  }

  @Get('delegated-admin/:grantId')
  grant(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, grantShown(asked.ids['grantId']!));
  }

  @Get('delegated-admin/:grantId/access-assignments/:assignmentId')
  accessAssignment(@Asking() asked: Asked, @Query() _: NoParameters) {
    return this.read(asked, accessAssignmentShown(asked.ids['grantId']!, asked.ids['assignmentId']!));
  }

  private read({ party, headers }: Asked, show: ConstructorParameters<typeof ReadRelationship>[1]) {
    return this.queries.execute(new ReadRelationship(party, show, { ifNoneMatch: headers['if-none-match'] }));
  }
}
