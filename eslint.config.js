import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const measures =
  'A test must not depend on a clock: wait for what happens and count work; for a date, test/wall-clock.ts.';
const guards = 'Tests are guarded against hanging in one place: testTimeout in jest.config.js.';

export default defineConfig(
  globalIgnores(['**/dist/', 'data/', 'coverage/', 'reports/', 'libs/client/src/api.ts', 'test/clients/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Ports are asynchronous whether or not an adapter has anything to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts', 'bench/**/*.ts', '**/testing.ts', '**/testing-*.ts', '**/testing/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // How long something takes, and how much is managed meanwhile, says something about the machine. A test waits for what
    // happens (test/eventually.ts) and counts work: events folded, rows read, bytes parsed, turns given.
    files: [
      '**/*.spec.ts',
      '**/testing.ts',
      '**/testing-*.ts',
      'libs/event-sourcing/src/event-store-contract.ts',
      'test/**/*.{ts,mjs}',
    ],
    ignores: [
      // What answers with a time of day, and what serves one.
      'test/wall-clock.ts',
      'test/test-peer/{log,test-peer}.ts',
      // Run by hand: these report what a run has taken.
      'test/contract/main.ts',
      'test/docker/rehearse-image.ts',
      // Which answer came before which, for callers at several servers.
      'test/faults/callers.ts',
    ],
    rules: {
      'no-restricted-globals': ['error', { name: 'performance', message: measures }],
      'no-restricted-imports': [
        'error',
        ...['node:perf_hooks', 'perf_hooks'].map((name) => ({ name, message: measures })),
      ],
      'no-restricted-properties': [
        'error',
        ...[
          ['Date', 'now'],
          ['performance', 'now'],
          ['process', 'hrtime'],
          ['process', 'uptime'],
          ['console', 'time'],
        ].map(([object, property]) => ({ object, property, message: measures })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: measures },
        { selector: "CallExpression[callee.name='Date']", message: measures },
        { selector: "CallExpression[callee.object.name='jest'][callee.property.name='setTimeout']", message: guards },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', fetch: 'readonly' } },
  },
);
