#!/usr/bin/env node
// The command line: node bin/ledger.mjs VERB, npx ledger VERB, npm run ledger -- VERB.
process.argv.splice(2, 0, 'apps/ledger/src/main.js');
await import('./run.mjs');
