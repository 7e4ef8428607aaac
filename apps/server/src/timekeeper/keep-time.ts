import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TimekeeperBounds } from '#configuration';
import type { DueItem } from '#read-models';
import { passOn, spanKind, type Trace, type Tracer } from '#telemetry';
import type { Logger } from 'pino';
import { sealOfRelease } from '../event-check.js';
import type { ServerHealth } from '../health/server-health.js';
import type { ServedLedger } from '../served-ledger.js';
import { commandWatch } from '../traced.js';
import { clockCommand } from './clock-command.js';
import { dueItemsIn } from './due-items.js';
import { leaseOn, noLease } from './lease.js';
import { Timekeeper, type Sent } from './timekeeper.js';

/** The timekeeper of a ledger, as yet at rest. */
export function timekeeperOf(
  ledger: ServedLedger,
  { rate, leaseSeconds }: TimekeeperBounds,
  health: ServerHealth,
  logger: Logger,
  tracer: Tracer = passOn,
): Timekeeper {
  return new Timekeeper({
    due: dueItemsIn(ledger, health.headAtStart),
    rate,
    logger,
    // A log in the data directory is locked for this server.
    lease:
      ledger.place === undefined
        ? noLease
        : leaseOn({
            store: ledger.store,
            seal: sealOfRelease,
            holder: randomUUID(),
            seconds: leaseSeconds,
            onElected: (elected) => logger.info(elected, 'this server records what time brings about'),
          }),
    // Under a false clock, or after a gap, events would be wrong for ever.
    mayRecord: () => ledger.clock.trusted() && !health.damaged,
    send: (item) => sent(ledger, item, tracer.begin(undefined)),
    turn: () => ledger.turns.take('timekeeper'),
    time: {
      now: () => ledger.clock.now(),
      elapsed: () => performance.now(),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    },
  });
}

async function sent(ledger: ServedLedger, item: DueItem, trace: Trace | undefined): Promise<Sent> {
  const command = clockCommand(item, ledger, ledger.clock.now());
  if (!trace?.span) return outcomeOf(await ledger.relationships.handle(command));
  const { span, traceparent } = trace;
  const beganAt = performance.now();
  const end = (error?: string) =>
    span.end(
      `timekeeper ${item.command}`,
      spanKind.internal,
      beganAt,
      ['ledger.command', item.command, 'ledger.partner.id', item.partnerId],
      error,
    );
  try {
    const answer = await ledger.relationships.handle({
      ...command,
      metadata: { ...command.metadata, traceparent },
      watch: commandWatch(span, item.command, ledger),
    });
    end();
    return outcomeOf(answer);
  } catch (error) {
    end((error as Error).name);
    throw error;
  }
}

function outcomeOf(answer: Awaited<ReturnType<ServedLedger['relationships']['handle']>>): Sent {
  const { outcome, position } = answer;
  if (outcome === 'refused') return { outcome: answer.rejection.code, position };
  return { outcome: outcome === 'accepted' && answer.replayed ? 'replayed' : outcome, position };
}
