import { createHmac, createSecretKey } from 'node:crypto';
import {
  customerRelationship,
  grantName,
  grantNameClaims,
  grantNameCodec,
  pairOf,
  policyHash,
  refusalJournal,
  relationshipCodec,
  relationshipSummary,
  type Relationships,
} from '#customer-relationship';
import { CommandLoop, FoldedStreams, RefusalMemory, type EventStore, type ReportEarlier } from '#event-sourcing';
import { actorIds, cursors, tooMuchWaits } from '#http';
import { BoundedPool, turnsOfTheLoop } from '#pacing';
import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Logger } from 'pino';
import { BulkController } from './commands/bulk.controller.js';
import { CommandsController } from './commands/commands.controller.js';
import { SendCommandHandler } from './commands/send-command.js';
import { clockSetBack } from './clock-set-back.js';
import { HealthBounds, ServerHealth } from './health/server-health.js';
import { sealOfRelease } from './event-check.js';
import { ExplainRowHandler } from './explanations/explain-row.js';
import { ExplanationsController } from './explanations/explanations.controller.js';
import { HealthController } from './health/health.controller.js';
import { HistoryController, LedgerHistoryController } from './history/history.controller.js';
import { OpenStreams, StreamBounds, usualStreamBounds } from './history/open-streams.js';
import { ReadHistoryHandler } from './history/read-history.js';
import { noPastViews } from './as-of/past-views.js';
import { ServedLedger } from './served-ledger.js';
import { Operations } from './operations/operations.js';
import { positionsIn } from './positions.js';
import { OperationsController } from './operations/operations.controller.js';
import { ListsController } from './queries/lists.controller.js';
import { ListViewHandler } from './queries/list-view.js';
import { ReadRelationshipHandler } from './queries/read-relationship.js';
import { ProblemsController } from './contract/problems.controller.js';
import { ReadSecurityEventsHandler } from './security-journal/read-security-events.js';
import { SecurityEventsController } from './security-journal/security-events.controller.js';
import { SchemasController } from './contract/schemas.controller.js';
import { RelationshipQueries } from './queries/relationship.controller.js';

/** What the server is made of. */
@Module({})
export class ServerModule {
  static serving(ledger: ServedLedger, health: ServerHealth, bounds: HealthBounds, streams = usualStreamBounds) {
    return {
      module: ServerModule,
      imports: [CqrsModule.forRoot()],
      controllers: [
        CommandsController,
        BulkController,
        RelationshipQueries,
        ListsController,
        HistoryController,
        LedgerHistoryController,
        ExplanationsController,
        OperationsController,
        HealthController,
        ProblemsController,
        SchemasController,
        SecurityEventsController,
      ],
      providers: [
        { provide: ServedLedger, useValue: ledger },
        { provide: ServerHealth, useValue: health },
        { provide: HealthBounds, useValue: bounds },
        SendCommandHandler,
        ReadRelationshipHandler,
        ListViewHandler,
        ExplainRowHandler,
        { provide: StreamBounds, useValue: streams },
        OpenStreams,
        ReadHistoryHandler,
        ReadSecurityEventsHandler,
      ],
      exports: [ServedLedger],
    } satisfies DynamicModule;
  }
}

export interface LedgerParts
  extends
    Pick<ServedLedger, 'id' | 'place' | 'policy' | 'partners' | 'store' | 'views' | 'clock'>,
    Partial<Pick<ServedLedger, 'salesRegions' | 'pastViews'>> {
  readonly secret: Buffer;
  readonly logger: Logger;
}

/** The ledger over an open store. */
export function ledgerOf({ secret, logger, ...parts }: LedgerParts): ServedLedger {
  const { id, place, store, policy, clock } = parts;
  const longReadings = new BoundedPool({ atOnce: 8, ofOne: 2, waiting: Infinity, waitingOfOne: 100 });
  const onEarlier = clockSetBack(clock, logger);
  return {
    pastViews: noPastViews,
    salesRegions: {},
    ...parts,
    operations: new Operations(),
    policyHash: policyHash(policy),
    secret: createSecretKey(secret),
    // Derived from the secret, so that no key has two uses.
    actorId: actorIds(createHmac('sha256', secret).update('actors').digest()),
    cursors: cursors(createHmac('sha256', secret).update('cursors').digest()),
    positions: positionsIn(store, id),
    longReadings: (name, work) => longReadings.run(name, work, tooMuchWaits),
    turns: turnsOfTheLoop,
    // A log in the data directory is locked for this server; other servers append to one in a database.
    relationships: relationshipLoop(store, place === undefined, onEarlier),
  };
}

function relationshipLoop(store: EventStore, soleWriter: boolean, onEarlier: ReportEarlier): Relationships {
  const seal = sealOfRelease;
  const streams = new FoldedStreams({
    store,
    decider: customerRelationship,
    codec: relationshipCodec,
    summaryOf: relationshipSummary,
    // The long streams of one partner must not hold up another's.
    betweenPages: (stream) => turnsOfTheLoop.take(pairOf(stream)!.partnerId),
  });
  const names = new CommandLoop({
    streams: new FoldedStreams({ store, decider: grantName, codec: grantNameCodec, summaryOf: () => undefined }),
    seal,
    onEarlier,
  });
  return new CommandLoop({
    streams,
    seal,
    claimOf: grantNameClaims(names, streams),
    refusals: new RefusalMemory({ store, seal, journal: refusalJournal, soleWriter, onEarlier }),
    onEarlier,
  });
}
