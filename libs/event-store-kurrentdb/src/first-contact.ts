import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { EndPoint } from '@eventstore/db-client';
import type { ConnectionSettings } from './connection-string.js';
import { StoreRefused } from './store-refused.js';

/** A clock beyond half the deadline of an append is refused: at the whole of it every append would fail at once. */
export async function requireNearClock(settings: ConnectionSettings, timeout: number): Promise<void> {
  const dates = await Promise.all(settings.endpoints.map((endpoint) => dateOf(endpoint, settings, timeout)));
  const allowed = settings.defaultDeadline / 2;
  for (const date of dates) {
    if (!date) continue;
    // The header has no fractions of a second.
    const skew = Math.max(date.from - date.here, date.here - date.to, 0);
    if (skew <= allowed) continue;
    throw new StoreRefused(
      'clockSkew',
      `The clock of the event store says ${new Date(date.from).toISOString()}, this one says ${new Date(date.here).toISOString()}. ` +
        `The event store takes the deadline of an append by its own clock, so they may be at most ${allowed} ms apart. Set both by NTP.`,
    );
  }
}

interface Dated {
  /** What the server's clock may have read, in ms. */
  readonly from: number;
  readonly to: number;
  readonly here: number;
}

/** The time of a server by its health check. Best effort: without such an answer nothing is known and nothing is wrong. */
function dateOf(
  { address, port }: EndPoint,
  { tls, rootCertificate }: ConnectionSettings,
  timeout: number,
): Promise<Dated | undefined> {
  return new Promise((resolve) => {
    const startedAt = Date.now();
    const where = { host: address, port, path: '/health/live', agent: false, timeout };
    const asking = tls
      ? requestHttps({ ...where, ...(rootCertificate && { ca: rootCertificate }) })
      : requestHttp(where);
    const late = setTimeout(() => asking.destroy(new Error('too late')), timeout);
    asking.on('response', (response) => {
      clearTimeout(late);
      const here = Date.now();
      const date = Date.parse(response.headers.date ?? '');
      response.resume();
      // Between the two readings of the clock here the one there was read, up to a second before it read on.
      resolve(Number.isNaN(date) ? undefined : { from: date, to: date + 1_000 + (here - startedAt), here });
    });
    asking.on('error', () => {
      clearTimeout(late);
      resolve(undefined);
    });
    asking.end();
  });
}
