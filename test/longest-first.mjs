import { createRequire } from 'node:module';
import { relative, sep } from 'node:path';

/** Jest's own order, found by way of the packages that depend on it. */
const { default: DefaultSequencer } = ['jest', '@jest/core', 'jest-config', '@jest/test-sequencer'].reduce(
  (require, name) => (name === '@jest/test-sequencer' ? require(name) : createRequire(require.resolve(name))),
  createRequire(import.meta.url),
);

// What starts many servers takes longest: begun last, it would run alone at the end while the other core has nothing to do.
// Jest knows no durations in a fresh clone, and goes by the size of files.
const longest = [
  'test/faults/kills.spec.ts',
  'test/http/kurrentdb-start-up.spec.ts',
  'test/http/start-up.spec.ts',
  'test/http/stopping.spec.ts',
  'test/faults/',
  'test/http/',
];

export default class LongestFirst extends DefaultSequencer {
  sort(tests) {
    const rank = ({ path, context }) => {
      const file = relative(context.config.rootDir, path).split(sep).join('/');
      const place = longest.findIndex((begin) => file.startsWith(begin));
      return place < 0 ? longest.length : place;
    };
    return super.sort(tests).sort((one, other) => rank(one) - rank(other));
  }
}
