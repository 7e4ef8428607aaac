import { appendFileSync, readFileSync } from 'node:fs';

/** One measured case of a bench, as the table of all benches shows it. */
export interface Result {
  readonly bench: string;
  readonly name: string;
  /** Per second, one of each round. */
  readonly rates: readonly number[];
  /** To what it is compared with, if anything. */
  readonly ratio?: number;
  /** The least ratio that is asked for. */
  readonly target?: number;
}

/** For `npm run bench`, which names a file; a bench that runs by itself prints its own table and keeps nothing. */
export function report(results: readonly Result[]): void {
  const file = process.env['BENCH_RESULTS'];
  if (file) for (const result of results) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

export function reported(file: string): Result[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

export function figure(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** A Markdown table, the first column to the left and the others to the right. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...lines.map((line) => line[column]!.length)));
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`));
  return [row(head), `|${rule.join('|')}|`, ...lines.map(row)].join('\n');
}
