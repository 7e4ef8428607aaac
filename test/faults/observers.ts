import { followFeeds } from './feed-follower.js';
import type { Observe } from './observed-run.js';

/** Everyone who watches the runs of `npm run kills` and of the specs. */
export const observers: Readonly<Record<string, Observe>> = { 'the live feed': followFeeds };
