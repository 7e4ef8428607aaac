import { readFileSync } from 'node:fs';

// The first import of every program, which loads the rest only afterwards: an older Node would stop in the middle of it, at a
// name that it does not know. So this file imports nothing of ours.

const { engines } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as {
  readonly engines: { readonly node: string };
};
const needed = Number(/\d+/.exec(engines.node)?.[0]);

if (Number.parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(
    `Reseller Ledger needs Node ${needed} or later, and this is Node ${process.versions.node}. npm start and npm run bring the right one along.\n`,
  );
  // The configuration is at fault, as in exit-codes.ts.
  process.exit(78);
}
