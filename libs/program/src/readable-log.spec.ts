import { expect, it } from '@jest/globals';
import { formatted } from './readable-log.js';

const line =
  '{"level":30,"time":"2026-11-30T00:37:28.049Z","method":"GET","route":"/v1/items","status":200,"ms":3.2,"correlationId":"c","msg":"request"}\n';

async function written(format: 'auto' | 'json' | 'pretty', isTerminal: boolean, text: string): Promise<string> {
  let all = '';
  const output = await formatted({ write: (each) => (all += each), flushSync: () => undefined }, format, isTerminal);
  output.write(text);
  return all;
}

it.each([
  ['auto', false],
  ['json', true],
] as const)('a log is JSON as it was made: %s, on a terminal: %j', async (format, isTerminal) => {
  expect(await written(format, isTerminal, line)).toBe(line);
});

it.each([
  ['auto', true],
  ['pretty', false],
] as const)('a log is readable: %s, on a terminal: %j', async (format, isTerminal) => {
  const said = await written(format, isTerminal, line);
  // eslint-disable-next-line no-control-regex -- the colours
  expect(said.replaceAll(/\x1b\[\d+m/g, '')).toMatch(
    /^\[\d\d:37:28\] INFO: request GET \/v1\/items 200 in 3\.2 ms \{"correlationId":"c"\}\n$/,
  );
});

it('what is no line of a log is left as it is', async () => {
  const text = 'Reseller Ledger listens on http://127.0.0.1:3000\nRoutes to try\n';
  expect(await written('pretty', true, text)).toBe(text);
});
