import { existsSync, mkdirSync } from 'node:fs';
import { createSecretKey, createHmac } from 'node:crypto';
import {
  customerRelationship,
  grantName,
  grantNameCodec,
  policyHash,
  relationshipCodec,
  relationshipCommands,
  type Partner,
} from '#customer-relationship';
import { commandHandler, openLedger, type EventStore } from '#event-sourcing';
import {
  eventsFileIn,
  lockDirectory,
  openSqliteEventStore,
  StoreStartupError,
  type SqliteStoreMetrics,
} from '#event-store-sqlite';
import { cursors } from '#http';
import { openViews, viewsFileIn, type ViewsReader } from '#projector';
import { relationshipViews, type Views } from '#read-models';
import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Logger } from 'pino';
import { startProjectorThread } from '../../projector/src/projector-thread.js';
import { DelegatedAdminController } from './commands/delegated-admin.controller.js';
import {
  AgreementController,
  ProfileController,
  ResellerRelationshipController,
} from './commands/reseller-relationship.controller.js';
import { ReservationsController } from './commands/reservations.controller.js';
import { SavingsPlansController } from './commands/savings-plans.controller.js';
import { SendCommandHandler } from './commands/send-command.js';
import { SoftwareController } from './commands/software.controller.js';
import { SubscriptionsController } from './commands/subscriptions.controller.js';
import type { Configuration } from './configuration.js';
import { HealthBounds } from './health-bounds.js';
import { HealthController } from './health.controller.js';
import { HistoryController } from './history/history.controller.js';
import { ReadHistoryHandler } from './history/read-history.js';
import { ledgerSecret, ledgerSecretPath } from './keys.js';
import { Ledger } from './ledger.js';
import { CustomersController } from './queries/customers.controller.js';
import { CustomerGrantsController, PartnerGrantsController } from './queries/delegated-admin-grants.controller.js';
import { EndedRelationshipsController } from './queries/ended-relationships.controller.js';
import { CustomerItemsController, PartnerItemsController } from './queries/items.controller.js';
import { ListViewHandler } from './queries/list-view.js';
import { ReadRelationshipHandler } from './queries/read-relationship.js';
import { ProblemsController } from './problems.controller.js';
import { ItemQueries, RelationshipQueries } from './queries/relationship.controller.js';
import {
  CustomerSupportContactsController,
  PartnerSupportContactsController,
} from './queries/support-contacts.controller.js';
import { StartupFailure } from './startup-failure.js';

/** What the server is made of. */
@Module({})
export class ServerModule {
  static serving(ledger: Ledger, bounds: HealthBounds): DynamicModule {
    return {
      module: ServerModule,
      imports: [CqrsModule.forRoot()],
      controllers: [
        ResellerRelationshipController,
        AgreementController,
        ProfileController,
        SubscriptionsController,
        ReservationsController,
        SoftwareController,
        SavingsPlansController,
        DelegatedAdminController,
        RelationshipQueries,
        ItemQueries,
        CustomersController,
        CustomerItemsController,
        PartnerItemsController,
        CustomerSupportContactsController,
        PartnerSupportContactsController,
        CustomerGrantsController,
        PartnerGrantsController,
        EndedRelationshipsController,
        HistoryController,
        HealthController,
        ProblemsController,
      ],
      providers: [
        { provide: Ledger, useValue: ledger },
        { provide: HealthBounds, useValue: bounds },
        SendCommandHandler,
        ReadRelationshipHandler,
        ListViewHandler,
        ReadHistoryHandler,
      ],
      exports: [Ledger],
    };
  }
}

export interface OpenLedger {
  readonly ledger: Ledger;
  readonly storeMetrics: () => SqliteStoreMetrics;
  readonly close: () => Promise<void>;
}

/**
 * Opens the ledger of the data directory with the adapters that this server uses.
 * @throws StartupFailure; what was opened is closed again
 */
export async function openLedgerIn(
  { dataDirectory, policy, projector }: Pick<Configuration, 'dataDirectory' | 'policy' | 'projector'>,
  partners: ReadonlyMap<string, Partner>,
  logger: Logger,
): Promise<OpenLedger> {
  const closing = new AsyncDisposableStack();
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(dataDirectory);
    closing.defer(() => lock.release());
    requireLog(dataDirectory);
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
    closing.defer(() => store.close());
    const secret = await ledgerSecret(dataDirectory, (await store.head()) === 0);
    const { ledgerId } = await openLedger(store);
    if (projector === 'thread') {
      const thread = await startProjectorThread({
        eventsFile: eventsFileIn(dataDirectory),
        viewsFile: viewsFileIn(dataDirectory),
        onStopped: (view, failure) => logger.error({ view, failure }, 'a view has stopped at an event'),
        onTrouble: (message, retryInMs) => logger.warn({ retryInMs }, message),
        onCrashed: (error) => logger.error({ err: error }, 'the projector has ended: no view moves any more'),
      }).catch(({ message }: Error) => {
        // Its class is lost on the way from the thread; the message says what to do.
        throw new StartupFailure(message);
      });
      closing.defer(() => thread.stop());
    }
    const views = openViews<Views>({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
    closing.defer(() => views.close());
    return {
      ledger: ledgerOf({ id: ledgerId, store, views, secret: secret.export(), policy, partners, logger }),
      storeMetrics: () => store.metrics(),
      close: () => closing.disposeAsync(),
    };
  } catch (error) {
    await closing.disposeAsync();
    if (error instanceof StoreStartupError) throw new StartupFailure(error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENOSPC')
      throw new StartupFailure(
        `The data directory ${dataDirectory} cannot be used (${code}). Check DATA_DIR, and that this user may write there.`,
      );
    throw error;
  }
}

/** A log that is gone must not be taken for a ledger that begins: its customers would be unknown, and their commands new. */
function requireLog(dataDirectory: string): void {
  const events = eventsFileIn(dataDirectory);
  // The log is made before the secret and the views, so a first start that was cut short does not look like this.
  const traces = [ledgerSecretPath(dataDirectory), viewsFileIn(dataDirectory)].filter((path) => existsSync(path));
  if (traces.length > 0 && !existsSync(events))
    throw new StartupFailure(
      `${events} is missing, but ${traces.join(' and ')} show that there has been a ledger here.\n` +
        'Restore the events from your backup. For a new ledger set DATA_DIR to another directory.',
    );
}

export interface LedgerParts extends Pick<Ledger, 'id' | 'policy' | 'partners'> {
  readonly store: EventStore;
  readonly views: ViewsReader<Views>;
  readonly secret: Buffer;
  readonly logger: Logger;
}

/** The ledger over an open store. */
export function ledgerOf({ id, store, views, secret, policy, partners, logger }: LedgerParts): Ledger {
  const onClockSetBack = (stream: string, now: string, lastRecordedAt: string) =>
    logger.warn({ stream, now, lastRecordedAt }, 'the clock reads earlier than the last event');
  return {
    id,
    store,
    views,
    policy,
    policyHash: policyHash(policy),
    partners,
    secret: createSecretKey(secret),
    // Of the same secret, but never the same use of it.
    cursors: cursors(createHmac('sha256', secret).update('cursors').digest()),
    clock: () => new Date().toISOString(),
    relationships: relationshipCommands({
      relationships: commandHandler({ store, decider: customerRelationship, codec: relationshipCodec, onClockSetBack }),
      names: commandHandler({ store, decider: grantName, codec: grantNameCodec, onClockSetBack }),
    }),
  };
}
