import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import type { IdsIn } from '../commands/command-route.js';
import type { AnswerName } from '../contract/answers.js';
import { Documented } from '../contract/documented.js';
import { addRoute } from '../made-route.js';
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

/** A relationship and single items of it, each at the path that the answer to a purchase or a request names. */
@RelationshipController('')
export class RelationshipQueries {
  constructor(readonly queries: QueryBus) {}

  @Get('reseller-relationship/removal-readiness')
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

read('Relationship', 'reseller-relationship', 'a relationship', () => relationshipShown);
read('Subscription', 'subscriptions/:subscriptionId', 'a subscription', subscriptionShown);
read(
  'AzureSubscription',
  'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId',
  'an Azure subscription',
  azureSubscriptionShown,
);
read('Reservation', 'reservations/:reservationId', 'a reservation', reservationShown);
read('SoftwarePurchase', 'software/:purchaseId', 'a software purchase', softwareShown);
read('SavingsPlan', 'savings-plans/:savingsPlanId', 'a savings plan', savingsPlanShown);
read('Grant', 'delegated-admin/:grantId', 'a delegated admin grant', grantShown);
read(
  'AccessAssignment',
  'delegated-admin/:grantId/access-assignments/:assignmentId',
  'an access assignment',
  accessAssignmentShown,
);

/** Adds the route of one thing as it stands. */
function read<Path extends string>(
  answer: AnswerName,
  path: Path,
  noun: `${'a' | 'an'} ${string}`,
  shown: (ids: Readonly<Record<IdsIn<Path>, string>>) => Shown,
): void {
  const says = `The ${noun.replace(/^an? /, '')} as it stands now.`;
  addRoute(RelationshipQueries, {
    name: `get${answer}`,
    decorators: [
      Get(path),
      Documented({ id: `get${answer}`, summary: `Read ${noun}`, kind: 'standing', answer, says }),
    ],
    incoming: Incoming(),
    fields: Query(),
    fieldsClass: RelationshipAsOfParameters,
    answer: ({ queries }, incoming: IncomingQuery, parameters: RelationshipAsOfParameters) =>
      // The router has matched the path, so its ids are there.
      queries.execute(new ReadRelationship(incoming, shown(incoming.ids as Record<IdsIn<Path>, string>), parameters)),
  });
}
