import { uptime } from 'node:os';
import type { Clocks } from './trusted-clock.js';

/** The clocks of the machine that this process runs on. */
export const machineClocks: Clocks = {
  wall: Date.now,
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1_000,
};
