import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The version of this ledger, as the metadata of its events name it. From package.json, which stands beside dist/ in the
 * image as in the repository.
 */
export const release = releaseIn(['../../..', '../../../..'].map((path) => join(import.meta.dirname, path)));

function releaseIn(directories: readonly string[]): string {
  for (const directory of directories) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'reseller-ledger' && version) return version;
    } catch {
      // Not this one.
    }
  }
  throw new Error('package.json is missing: it belongs beside dist/, as in the image and the repository.');
}
