import { resolve } from 'node:path';

/** What node has compiled of a program once it need not compile again, for the hundreds of starts that a run of all tests has. */
export const compiledCode = { NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled-code') } as const;
