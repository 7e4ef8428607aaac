import { parseArgs } from 'node:util';
import { figure, table } from '../../bench/results.js';
import { observers } from './observers.js';
import { overKurrentdb, overLostMajorities, overSqlite, type SetUp } from './scenes.js';
import { struckRun } from './struck-run.js';

// Servers die at random moments while 32 callers ask and ask again by the rules of the contract: no answer may differ from
// the first to its key, and nothing may be doubled or lost. Ends with 1 when anything is not as it was promised.

const stores: Readonly<Record<string, SetUp>> = {
  sqlite: overSqlite,
  kurrentdb: overKurrentdb,
  majorities: overLostMajorities(10_000),
};
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    store: { type: 'string', default: 'sqlite' },
    quiet: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const setUp = stores[values.store];
if (!setUp || !(seconds > 0)) {
  console.error(`Usage: npm run kills -- [--seconds 60] [--store ${Object.keys(stores).join('|')}] [--quiet]`);
  process.exit(2);
}

const { figures, problems } = await struckRun({
  setUp,
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
