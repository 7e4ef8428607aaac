import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { defaultPolicy } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { openViews } from '#projector';
import { relationshipViews, type Views } from '#read-models';
import { pino } from 'pino';
import { httpServer } from './http-server.js';
import { openApiDocument } from './openapi.js';
import { ledgerOf, ServerModule } from './server.module.js';

// Prints the document of the routes: the application is put together as ever, on a ledger in memory, and never listens.
const logger = pino({ level: 'silent' });
const ledger = ledgerOf({
  id: '00000000-0000-4000-8000-000000000000',
  store: inMemoryEventStore(),
  views: openViews<Views>({ path: 'never-opened', projections: relationshipViews }),
  secret: randomBytes(32),
  policy: defaultPolicy,
  partners: new Map(),
  logger,
});
const app = await httpServer({
  module: ServerModule.serving(ledger, { viewLagSeconds: 1 }),
  verifier: { verify: () => Promise.reject(new Error('Nobody asks')), cached: () => 0 },
  bodyLimit: 64 * 1024,
  logger,
  onAnswered: () => undefined,
});
process.stdout.write(`${JSON.stringify(openApiDocument(app), null, 2)}\n`);
