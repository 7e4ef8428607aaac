import { describe, expect, it } from '@jest/globals';
import { parentOf, passOn, randomHex } from './trace.js';

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a trace that is passed on', () => {
  it('goes on with a span of its own, and notes nothing', () => {
    const trace = passOn.begin(parent)!;
    expect(trace.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(trace.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(trace.traceparent).not.toBe(parent);
    expect(trace.span).toBeUndefined();
  });

  it('of a later version is taken by the fields that are known', () => {
    expect(parentOf(`01${parent.slice(2)}-more`)).toMatchObject({ spanId: '00f067aa0ba902b7', flags: '01' });
  });

  it.each([
    undefined,
    '',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    `${parent}-more`,
    parent.toUpperCase(),
    [parent, parent] as unknown as string,
  ])('is not taken from %j', (header) => {
    expect(passOn.begin(header)).toBeUndefined();
  });
});

it('ids are random, of their length, and drawn from the stock without repeating', () => {
  const ids = Array.from({ length: 2_000 }, (_, index) => randomHex(index % 2 ? 8 : 16));
  expect(new Set(ids).size).toBe(ids.length);
  for (const [index, id] of ids.entries()) expect(id).toMatch(index % 2 ? /^[0-9a-f]{16}$/ : /^[0-9a-f]{32}$/);
});
