import { defaultPolicy } from '#customer-relationship';
import type { EventStore } from '#event-sourcing';
import type { ViewsReader } from '#projector';
import { pino } from 'pino';
import { partner } from '../../../bench/histories.js';
import type { ServedLedger } from './served-ledger.js';
import { ledgerOf } from './server.module.js';
import { TrustedClock } from './trusted-clock/trusted-clock.js';
import { machineClocks } from './trusted-clock/machine-clocks.js';

export const ledgerId = 'c1d2e3f4-0000-4000-8000-000000000001';

/** A clock that a test sets: whatever it reads, that much time has passed. */
export function clockOf(read: () => string): TrustedClock {
  const ms = () => Date.parse(read());
  return new TrustedClock({ clocks: { wall: ms, monotonic: ms, uptime: ms } });
}

/** A ledger of the histories' partner over a store, without views. With a place, it shares its log with other servers. */
export function ledgerOver(
  store: EventStore,
  place?: string,
  clock = new TrustedClock({ clocks: machineClocks }),
): ServedLedger {
  return ledgerOf({
    id: ledgerId,
    place,
    store,
    views: { status: () => [] as unknown } as ViewsReader,
    secret: Buffer.alloc(32, 7),
    policy: defaultPolicy,
    partners: new Map([[partner.tenantId, partner]]),
    logger: pino({ level: 'silent' }),
    clock,
  });
}
