import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** The data directory of a tool: `--data-dir`, else `DATA_DIR` as the server has it, else `./data`. And its other arguments. */
export function dataDirectoryAndNames(args: readonly string[] = process.argv.slice(2)): {
  readonly dataDirectory: string;
  readonly names: readonly string[];
  /** Views that show events which the log does not have are rebuilt all the same. */
  readonly acceptLostEvents: boolean;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { 'data-dir': { type: 'string' }, 'accept-lost-events': { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  return {
    dataDirectory: resolve(values['data-dir'] ?? process.env['DATA_DIR'] ?? './data'),
    names: positionals,
    acceptLostEvents: values['accept-lost-events'],
  };
}
