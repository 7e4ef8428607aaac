import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import strykerConfig, { domain } from '../stryker.config.mjs';

// Mutation testing of the domain, a file at a time, each held to the specification beside it: `npm run mutation`, or
// `npm run mutation -- subscriptions removal`. A rule that only some other file's examples notice when it is broken has
// no specification of its own; and a mutant costs a fifth of a second instead of the seconds that all of them take.

/** What is specified elsewhere too; files without any specification hold names and types, which the compiler checks. */
const alsoIn = { admission: ['policy'], state: ['customer-relationship'] };
// A copy: Stryker writes into the configuration that it has read.
const { thresholds, jest } = globalThis.structuredClone(strykerConfig);

const { positionals } = parseArgs({ allowPositionals: true });
const files = readdirSync(domain);
const sources = files
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .map((noun) => ({
    noun,
    specifications: [noun, ...(alsoIn[noun] ?? [])].filter((name) => files.includes(`${name}.spec.ts`)),
  }))
  .filter(({ specifications }) => specifications.length > 0)
  .filter(({ noun }) => positionals.length === 0 || positionals.includes(noun));

const rows = [];
for (const { noun, specifications } of sources) {
  console.log(`\n=== ${noun}`);
  const results = await new Stryker({
    mutate: [`${domain}/${noun}.ts`],
    incrementalFile: `reports/mutation/${noun}.incremental.json`,
    jsonReporter: { fileName: `reports/mutation/${noun}.json` },
    htmlReporter: { fileName: `reports/mutation/${noun}.html` },
    // Judged over all files, below.
    thresholds: { ...thresholds, break: 0 },
    jest: {
      ...jest,
      config: { ...jest.config, testMatch: specifications.map((name) => `<rootDir>/${domain}/${name}.spec.ts`) },
    },
  }).runMutationTest();
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length;
  const row = { noun, noticed: count('Killed', 'Timeout'), unnoticed: count('Survived', 'NoCoverage') };
  if (row.noticed + row.unnoticed > 0) rows.push(row);
}

const score = ({ noticed, unnoticed }) => (100 * noticed) / (noticed + unnoticed);
const all = rows.reduce(
  (sum, { noticed, unnoticed }) => ({ noticed: sum.noticed + noticed, unnoticed: sum.unnoticed + unnoticed }),
  { noticed: 0, unnoticed: 0 },
);
console.table([...rows, { noun: 'all', ...all }].map((row) => ({ ...row, score: `${score(row).toFixed(1)} %` })));
if (score(all) < thresholds.break) {
  console.error(`The score is below ${thresholds.break} %`);
  process.exitCode = 1;
}
