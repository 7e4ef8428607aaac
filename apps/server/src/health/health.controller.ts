import { Answer } from '#http';
import { Controller, Get } from '@nestjs/common';
import { HealthBounds, ServerHealth, deniedRights, unreachable } from './server-health.js';
import { ServedLedger } from '../served-ledger.js';
import { timekeepingOf, type Timekeeping } from '../timekeeper/timekeeping.js';
import { viewLags, type ViewLag } from './view-lags.js';
import type { LiveAnswer, ReadinessAnswer } from '../contract/answers.js';
import { Documented } from '../contract/documented.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly ledger: ServedLedger,
    private readonly health: ServerHealth,
    private readonly bounds: HealthBounds,
  ) {}

  @Get('live')
  @Documented({
    id: 'getLiveness',
    summary: 'Ask whether the process answers',
    kind: 'health',
    answer: 'Live',
    says: 'The process answers.',
  })
  live() {
    return new Answer(200, {}, { status: 'live' } satisfies LiveAnswer);
  }

  /** Ready when the event store can be read and no view lags too far; everything that is missing is named. */
  @Get('ready')
  @Documented({
    id: 'getReadiness',
    summary: 'Ask whether the server is ready',
    kind: 'health',
    answer: 'Readiness',
    says: 'Ready.',
  })
  async ready() {
    const { health } = this;
    if (health.waitingFor !== undefined) return readiness([health.waitingFor], [], notBegun, health.damaged);
    const { lags, trouble } = await viewLags(this.ledger);
    if (trouble) health.logTrouble(trouble);
    const missing = [...deniedRights(this.ledger.place, health.denied)];
    if (trouble && !health.isDamage(trouble) && !health.denied.all)
      missing.push(unreachable(this.ledger.place, trouble));
    // No details: they may name a customer, and are in the server's log.
    if (health.damaged) missing.unshift('the log is damaged: see the log of the server');
    if (health.viewsDamaged) missing.push('the views cannot be written: see the log of the server');
    const jump = this.ledger.clock.jump();
    if (jump)
      missing.push(
        `the clock is not trusted: it reads ${jump.reads}, expected was ${jump.expected}; see npm run clock -- show`,
      );
    if (health.projectorDown) missing.push('the projector has ended and is being started again');
    for (const { name, status, position, behind } of lags) {
      if (status === 'stopped') missing.push(`the view ${name} has stopped`);
      else if (position < health.headAtStart)
        missing.push(`the view ${name} has not yet taken in what was in the log when the server started`);
      else if (behind && behind.seconds > this.bounds.viewLagSeconds)
        missing.push(`the view ${name} is ${Math.round(behind.seconds)} s behind`);
    }
    return readiness(missing, lags, await timekeepingOf(this.ledger, health), health.damaged);
  }
}

const notBegun: Timekeeping = { status: 'off', holdsLease: false, secondsBehind: undefined };
/** Every answer that the rules give is right however far the timekeeper is behind: a lag takes no server out of service. */
const unhurriedSeconds = 60;

function readiness(
  missing: readonly string[],
  lags: readonly ViewLag[],
  { status: keeps, holdsLease, secondsBehind }: Timekeeping,
  damaged: boolean,
): Answer {
  const views = lags.map(({ name, status, position, behind }) => ({
    name,
    status,
    position: String(position),
    ...(behind ? { eventsBehind: behind.events, secondsBehind: Math.round(behind.seconds * 1000) / 1000 } : {}),
  }));
  const status = damaged ? 'damaged' : missing.length === 0 ? 'ready' : 'notReady';
  return new Answer(status === 'ready' ? 200 : 503, {}, {
    status,
    missing,
    degraded:
      keeps !== 'off' && secondsBehind !== undefined && secondsBehind > unhurriedSeconds
        ? [`the timekeeper is ${Math.round(secondsBehind)} s behind`]
        : [],
    views,
    timekeeper: {
      status: keeps,
      holdsLease,
      ...(secondsBehind === undefined ? {} : { secondsBehind: Math.round(secondsBehind * 1000) / 1000 }),
    },
  } satisfies ReadinessAnswer);
}
