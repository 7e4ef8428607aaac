import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file or a folder at the root of the project, which belongs beside dist/ in the image as in the repository.
 *
 * @throws Error when it is missing
 */
export function checkedIn(path: string): string {
  const found = ['../../../..', '../../../../..']
    .map((root) => join(import.meta.dirname, root, path))
    .find((candidate) => existsSync(candidate));
  if (found === undefined)
    throw new Error(`${path} is missing: it belongs beside dist/, as in the image and the repository.`);
  return found;
}
