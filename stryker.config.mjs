import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Mutation testing of the domain. Every line of a decision that no specification notices is a rule that somebody may break
// unseen. `npm run mutation` (test/mutation.mjs) goes through it a file at a time; the reports stand in reports/mutation.

export const domain = 'libs/customer-relationship/src';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    `${domain}/**/*.ts`,
    `!${domain}/**/*.spec.ts`,
    ...['index', 'testing', 'test-*'].map((name) => `!${domain}/${name}.ts`),
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: {
    configFile: 'jest.config.js',
    config: {
      projects: [],
      // Jest looks at every file below them before every mutant.
      roots: ['<rootDir>/libs/customer-relationship', '<rootDir>/libs/event-sourcing'],
      testMatch: [`<rootDir>/${domain}/**/*.spec.ts`],
      // Random stories would find many of the mutants, some of them on some days; each rule is to have an example of its own.
      testPathIgnorePatterns: ['/node_modules/', 'properties\\.spec\\.ts$'],
    },
    // Specifications reach the domain through its front door (`#customer-relationship`), which Jest's search for related tests does not follow.
    enableFindRelatedTests: false,
  },
  // Which test reaches which mutant is known per test. Tables (rights, policies) are evaluated when a module is loaded,
  // and Jest loads modules anew for every specification, so mutants in them count too.
  coverageAnalysis: 'perTest',
  incremental: true,
  incrementalFile: 'reports/mutation/incremental.json',
  concurrency: 2,
  // A mutant that hangs costs this once; on a busy machine a shorter time would count slow tests as hanging ones.
  timeoutMS: 30_000,
  thresholds: { high: 95, low: 90, break: 90 },
  reporters: ['clear-text', 'html', 'json', 'progress'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: 'reports/mutation/index.html' },
  jsonReporter: { fileName: 'reports/mutation/report.json' },
  ignorePatterns: ['dist', 'data', 'coverage', 'reports', 'docs', '.ci', '*.tsbuildinfo'],
  // Outside the project: a copy within it would give Jest two packages of one name.
  tempDirName: join(tmpdir(), 'reseller-ledger-mutation'),
};
