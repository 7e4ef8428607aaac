import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The path of a file or folder at the root of the project. It belongs beside dist/, in the image and the repository. @throws Error */
export function checkedIn(path: string): string {
  const found = ['../../../..', '../../../../..']
    .map((root) => join(import.meta.dirname, root, path))
    .find((candidate) => existsSync(candidate));
  if (found === undefined)
    throw new Error(`${path} is missing: it belongs beside dist/, as in the image and the repository.`);
  return found;
}
