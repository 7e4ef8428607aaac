import { resolve } from 'node:path';

/** The data directory of a tool: the one that is named, else `DATA_DIR` as the server has it, else `./data`. */
export function dataDirectoryOf(named: string | undefined): string {
  return resolve(named ?? process.env['DATA_DIR'] ?? './data');
}
