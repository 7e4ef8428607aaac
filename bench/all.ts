import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, median, reported, table } from './results.js';

// Every bench one after the other, never two at a time, and what they have found in one table.

const benches = [
  'event-store.js',
  'kurrentdb-append.js',
  'projections.js',
  'as-of.js',
  'history-feed.js',
  'http-commands.js',
  'reads.js',
  'overdue.js',
];

const directory = mkdtempSync(join(tmpdir(), 'bench-results-'));
const results = join(directory, 'results.jsonl');
writeFileSync(results, '');
const load = loadavg()[0]!;
let failed = false;
try {
  for (const bench of benches) {
    const file = fileURLToPath(new URL(bench, import.meta.url));
    if (!existsSync(file)) continue;
    console.log(`\n=== ${bench.replace('.js', '')}\n`);
    const { status } = spawnSync(process.execPath, [file], {
      stdio: 'inherit',
      env: { ...process.env, BENCH_RESULTS: results },
    });
    failed ||= status !== 0;
  }
  const rows = reported(results).map(({ bench, name, rates, ratio, target }) => [
    `${bench}: ${name}`,
    figure(median(rates)),
    `${figure(Math.min(...rates))} - ${figure(Math.max(...rates))}`,
    ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    target === undefined ? '' : `${target.toFixed(2)}x`,
  ]);
  console.log(`\nNode ${process.version}, ${cpus().length} cores, load ${load.toFixed(1)} when it began\n`);
  console.log(table(['bench', 'per second', 'min - max', 'ratio', 'target'], rows));
} finally {
  rmSync(directory, { recursive: true });
}
process.exitCode = failed ? 1 : 0;
