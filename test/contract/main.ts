import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { textOf } from './findings.js';
import { run, table, unreached } from './run.js';
import { newSubject } from './subject.js';

// npm run contract -- --requests 20000 --seed 1 [--store kurrentdb] [--at-once 8]
// Sends requests that openapi.json describes, and some that it does not, to a server of its own, and ends with 1 when an
// answer is not as documented, or when some operation was never seen to succeed.

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    store: { type: 'string', default: 'sqlite' },
    'at-once': { type: 'string', default: '8' },
  },
});
const [requests, seed, atOnce] = [values.requests, values.seed, values['at-once']].map(Number) as [
  number,
  number,
  number,
];
if (![requests, seed, atOnce].every(Number.isSafeInteger) || !['sqlite', 'kurrentdb'].includes(values.store)) {
  console.error('--requests, --seed and --at-once take whole numbers, --store takes sqlite or kurrentdb');
  process.exit(2);
}

const subject = await newSubject(values.store as 'sqlite' | 'kurrentdb');
const startedAt = performance.now();
console.log(`${requests} requests, ${atOnce} at once, over ${values.store}; again with --seed ${seed}`);
try {
  const result = await run({ ...subject, requests, seed, atOnce });
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`\n${table(result)}\n`);
  const never = unreached(result);
  for (const finding of result.findings) console.log(`${textOf(finding)}\n`);
  if (never.length > 0) console.log(`Never seen to succeed: ${never.join(', ')}`);
  console.log(
    `${result.sent} sent in ${seconds.toFixed(0)} s, ${result.retried} retried, ${result.replayed} replayed; ` +
      `${result.findings.length} findings, ${never.length} operations never seen to succeed; seed ${seed}`,
  );
  if (result.findings.length > 0 || never.length > 0) process.exitCode = 1;
} finally {
  await subject.end();
}
