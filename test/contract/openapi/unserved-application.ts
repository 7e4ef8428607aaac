import { limitsOf, webOf } from '#configuration';
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { defaultPolicy } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { openViews } from '#projector';
import { relationshipViews } from '#read-models';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino } from 'pino';
import { ServerHealth } from '../../../apps/server/src/health/server-health.js';
import { httpServer } from '../../../apps/server/src/http-server.js';
import { ledgerOf, ServerModule } from '../../../apps/server/src/server.module.js';
import { machineClocks } from '../../../apps/server/src/trusted-clock/machine-clocks.js';
import { TrustedClock } from '../../../apps/server/src/trusted-clock/trusted-clock.js';

/** The application put together as ever, on a ledger in memory, for those who want to know its routes; it never listens. */
export function unservedApplication(): Promise<NestFastifyApplication> {
  const logger = pino({ level: 'silent' });
  const ledger = ledgerOf({
    id: '00000000-0000-4000-8000-000000000000',
    place: undefined,
    store: inMemoryEventStore(),
    views: openViews({ path: 'never-opened', projections: relationshipViews }),
    secret: randomBytes(32),
    policy: defaultPolicy,
    partners: new Map(),
    logger,
    clock: new TrustedClock({ clocks: machineClocks }),
  });
  return httpServer({
    module: ServerModule.serving(ledger, new ServerHealth(), { viewLagSeconds: 1 }),
    verifier: { verify: () => Promise.reject(new Error('Nobody asks')), cached: () => 0 },
    limits: limitsOf({ RATE_LIMIT: 0, FAILED_TOKEN_LIMIT: 0 }),
    web: webOf({}),
    logger,
    health: new ServerHealth(),
    onAnswered: () => undefined,
    onDenied: () => undefined,
  });
}
