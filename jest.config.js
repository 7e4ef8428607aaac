/** @type {import('jest').Config} */
const shared = {
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/data/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: {
    '^#event-sourcing/testing$': '<rootDir>/libs/event-sourcing/src/testing.ts',
    '^#customer-relationship/(statuses|test-kit)$': '<rootDir>/libs/customer-relationship/src/$1.ts',
    '^@reseller-ledger/client$': '<rootDir>/libs/client/src/index.ts',
    // #platform is a name that packages of OpenTelemetry have for a part of their own.
    '^#(?!platform$)([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};

// What upstream systems, auditors and operators meet does not depend on the store, so the same journeys go over a
// database too. Not among them: what is about files of SQLite, and what no store sees:
// tokens, limits, and a client of the same answers.
const journeys = {
  ...shared,
  testMatch: ['<rootDir>/test/http/**/*.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/test/http/(client|docs-page|full-disk|identity-[^/]*|limits|roles|sqlite-[^/]*|kurrentdb-[^/]*|start-up)\\.spec\\.ts$',
  ],
};

/** @type {import('jest').Config} */
export default {
  // For whoever runs specs of its own choice without the projects, such as mutation testing.
  ...shared,
  maxWorkers: 2,
  testSequencer: '<rootDir>/test/longest-first.mjs',
  // A guard against hanging, and no assertion: a machine with other things to do may take its time. What a test waits for
  // is given up before (test/eventually.ts).
  testTimeout: 600_000,
  projects: [
    { ...shared, displayName: 'ledger', testMatch: ['<rootDir>/{libs,apps,test}/**/*.spec.ts'] },
    { ...journeys, displayName: 'journeys over the test peer', globals: { journeysOver: 'testPeer' } },
    ...(process.env.LEDGER_EVENT_STORE_URL
      ? [{ ...journeys, displayName: 'journeys over LEDGER_EVENT_STORE_URL', globals: { journeysOver: 'realServer' } }]
      : []),
  ],
};
