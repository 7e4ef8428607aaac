import { OneOf, Optional, WholeText } from '#http';

export class TimeVariables {
  @Optional(OneOf(['on', 'off'])) TIMEKEEPER?: 'on' | 'off';
  @Optional(WholeText(1, 10_000)) TIMEKEEPER_RATE?: number;
  @Optional(WholeText(1, 86_400)) TIMEKEEPER_LEASE_SECONDS?: number;
  @Optional(WholeText(60, 31_536_000)) CLOCK_JUMP_MAX_SECONDS?: number;
}

export interface TimekeeperBounds {
  /** Commands a second at most. */
  readonly rate: number;
  /** How long one of several servers keeps time before another may, where it has not said that it stops. */
  readonly leaseSeconds: number;
}

/** Absent: this server records nothing that time brings about. */
export function timekeeperOf(value: TimeVariables): TimekeeperBounds | undefined {
  if (value.TIMEKEEPER === 'off') return undefined;
  return { rate: value.TIMEKEEPER_RATE ?? 100, leaseSeconds: value.TIMEKEEPER_LEASE_SECONDS ?? 300 };
}
