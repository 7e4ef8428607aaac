import { Answer } from '#http';
import { Controller, Get } from '@nestjs/common';
import { HealthBounds } from './health-bounds.js';
import { Ledger } from './ledger.js';
import { viewLags } from './view-lags.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly ledger: Ledger,
    private readonly bounds: HealthBounds,
  ) {}

  /** The process answers. */
  @Get('live')
  live() {
    return new Answer(200, { 'Cache-Control': 'no-store' }, { status: 'live' });
  }

  /** The event store can be read and every view is close enough to its head; whatever is missing is named. */
  @Get('ready')
  async ready() {
    const missing: string[] = [];
    const lags = await viewLags(this.ledger).catch(() => {
      missing.push('the event store cannot be reached');
      return [];
    });
    for (const { name, status, seconds } of lags) {
      if (status === 'stopped') missing.push(`the view ${name} has stopped`);
      else if (seconds > this.bounds.viewLagSeconds)
        missing.push(`the view ${name} is ${Math.round(seconds)} s behind`);
    }
    const views = lags.map(({ name, status, position, events, seconds }) => ({
      name,
      status,
      position: String(position),
      eventsBehind: events,
      secondsBehind: Math.round(seconds * 1000) / 1000,
    }));
    const ready = missing.length === 0;
    return new Answer(
      ready ? 200 : 503,
      { 'Cache-Control': 'no-store' },
      { status: ready ? 'ready' : 'notReady', missing, views },
    );
  }
}
