import { readFileSync } from 'node:fs';
import { checkedIn } from './contract/checked-in.js';

/** The version of this ledger, as the metadata of its events name it. */
export const release = (JSON.parse(readFileSync(checkedIn('package.json'), 'utf8')) as { version: string }).version;
