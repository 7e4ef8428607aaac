import { isNetwork, Matching, Optional, WholeText } from '#http';
import type { Given } from './settings.js';

const network = /^[\da-fA-F.:]+(\/\d{1,3})?(,[\da-fA-F.:]+(\/\d{1,3})?)*$/;

export class LimitVariables {
  @Optional(WholeText(1024, 1_048_576)) BODY_LIMIT_BYTES?: number;
  @Optional(WholeText(1, 10_000)) MAX_LIVE_STREAMS?: number;
  @Optional(WholeText(0, 1_000_000_000)) RATE_LIMIT?: number;
  @Optional(WholeText(1, 3600)) RATE_LIMIT_WINDOW_SECONDS?: number;
  @Optional(WholeText(0, 1_000_000_000)) FAILED_TOKEN_LIMIT?: number;
  @Optional(WholeText(0, 1_000_000)) ADDRESS_REQUESTS?: number;
  @Optional(WholeText(0, 1_000_000)) ADDRESS_CONNECTIONS?: number;
  @Optional(WholeText(4, 65_536)) IN_HAND_MIB?: number;
  @Optional(WholeText(1, 3600)) CLIENT_TIMEOUT_SECONDS?: number;
  @Optional(Matching(network, 'addresses or networks with commas', '10.0.0.7,10.1.0.0/16')) TRUSTED_PROXIES?: string;
}

/** How much one client may ask for, and how slowly. */
export interface Limits {
  /** In bytes. */
  readonly body: number;
  /** Streams of the history that may be open at once. */
  readonly liveStreams: number;
  /** The requests of one caller in a window; 0: any number. */
  readonly requests: number;
  readonly windowSeconds: number;
  /** The refused tokens of one remote address in a window; 0: any number. */
  readonly failedTokens: number;
  /** The requests of one remote address that may be in hand at once; 0: any number. */
  readonly requestsOfAddress: number;
  /** The connections of one remote address that may be open at once; 0: any number. */
  readonly connectionsOfAddress: number;
  /** How much of large bodies and answers may be in memory at once. */
  readonly inHandMiB: number;
  /** How long a client may take to send a whole request, and to take any part of an answer. */
  readonly clientTimeoutSeconds: number;
  /** The proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[];
}

export function limitsOf(value: LimitVariables): Limits {
  return {
    body: value.BODY_LIMIT_BYTES ?? 64 * 1024,
    liveStreams: value.MAX_LIVE_STREAMS ?? 100,
    requests: value.RATE_LIMIT ?? 60_000,
    windowSeconds: value.RATE_LIMIT_WINDOW_SECONDS ?? 60,
    failedTokens: value.FAILED_TOKEN_LIMIT ?? 600,
    requestsOfAddress: value.ADDRESS_REQUESTS ?? 1_000,
    connectionsOfAddress: value.ADDRESS_CONNECTIONS ?? 2_000,
    inHandMiB: value.IN_HAND_MIB ?? 64,
    clientTimeoutSeconds: value.CLIENT_TIMEOUT_SECONDS ?? 30,
    trustedProxies: value.TRUSTED_PROXIES?.split(',') ?? [],
  };
}

/** What the form of each variable does not show. */
export function faultsOfLimits({ TRUSTED_PROXIES }: Given<LimitVariables>): readonly string[] {
  if (TRUSTED_PROXIES === undefined || !network.test(TRUSTED_PROXIES)) return [];
  const noNetwork = TRUSTED_PROXIES.split(',').find((proxy) => !isNetwork(proxy));
  if (noNetwork === undefined) return [];
  return [`TRUSTED_PROXIES must be addresses or networks with commas, but ${JSON.stringify(noNetwork)} is none`];
}
