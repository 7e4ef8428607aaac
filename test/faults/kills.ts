import { parseArgs } from 'node:util';
import { figure, table } from '../../bench/results.js';
import { killedRun, killedStores, type KilledStore } from './killed-run.js';
import { observers } from './observers.js';

// Servers die at random moments while 32 callers ask and ask again by the rules of the contract: no answer may differ from
// the first to its key, and nothing may be doubled or lost. Ends with 1 when anything is not as it was promised.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    store: { type: 'string', default: 'sqlite' },
    quiet: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
if (!killedStores.includes(values.store as KilledStore) || !(seconds > 0)) {
  console.error(`Usage: npm run kills -- [--seconds 60] [--store ${killedStores.join('|')}] [--quiet]`);
  process.exit(2);
}

const { figures, problems } = await killedRun({
  store: values.store as KilledStore,
  seconds,
  observers,
  onProgress: (what) => values.quiet || console.error(what),
});
console.log(
  table(
    [`${values.store}, ${seconds} s`, ''],
    figures.map(([what, number]) => [what, figure(number)]),
  ),
);
console.log(
  problems.length === 0 ? '\nNo answer differs, nothing is doubled or lost.' : `\n${problems.length} problems:`,
);
for (const problem of problems.slice(0, 50)) console.log(`- ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
