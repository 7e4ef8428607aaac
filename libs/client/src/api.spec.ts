import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import openapiTS, { astToString } from 'openapi-typescript';

it('is typed by the document as it is; else: npm run client', async () => {
  const types = astToString(await openapiTS(new URL('../../../openapi.json', import.meta.url)));
  // Both are too long to be shown.
  expect(readFileSync(new URL('./api.ts', import.meta.url), 'utf8').includes(types)).toBe(true);
});
