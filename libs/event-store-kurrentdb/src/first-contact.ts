import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect as connectTls } from 'node:tls';
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

/**
 * For a database that cannot be reached: a node that speaks TLS closes a connection without it, and the other way round,
 * with no word of why, so it looks like one that is away, and would be waited for without end.
 * @throws StoreRefused when a node speaks TLS and this client does not, or the other way round
 */
export async function requireSameSecurity({ endpoints, tls }: ConnectionSettings, timeout: number): Promise<void> {
  const speaks = tls ? speaksPlainly : speaksTls;
  const others = await Promise.all(
    endpoints.map(async (endpoint) => ((await speaks(endpoint, timeout)) ? endpoint : undefined)),
  );
  const other = others.find((endpoint) => endpoint !== undefined);
  if (!other) return;
  const node = `The event store at ${other.address}:${other.port}`;
  throw new StoreRefused(
    'tlsMismatch',
    tls
      ? `${node} does not speak TLS, but the connection string asks for it. Switch it on at the database; only for development, set tls=false.`
      : `${node} speaks TLS, but the connection string says tls=false. Remove that, and name the certificate to trust (tlsCAFile).`,
  );
}

function speaksTls({ address, port }: EndPoint, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is sent over it, so it does not matter whose certificate it is.
    const socket = connectTls({ host: address, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const done = (spoken: boolean) => {
      clearTimeout(late);
      socket.destroy();
      resolve(spoken);
    };
    const late = setTimeout(() => done(false), timeout);
    socket.on('secureConnect', () => done(true));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
  });
}

function speaksPlainly({ address, port }: EndPoint, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = requestHttp({ host: address, port, path: '/health/live', agent: false, timeout });
    const done = (spoken: boolean) => {
      clearTimeout(late);
      asking.destroy();
      resolve(spoken);
    };
    const late = setTimeout(() => done(false), timeout);
    asking.on('response', () => done(true));
    asking.on('error', () => done(false));
    asking.end();
  });
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
