import { describe, expect, it } from '@jest/globals';
import { samplerOf } from './sampling.js';
import type { TraceSettings } from './settings.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = (flags: string) => ({ traceId, spanId: '00f067aa0ba902b7', flags });
const sampler = (name: TraceSettings['sampler'], ratio = 1) => samplerOf({ sampler: name, ratio } as TraceSettings);

describe('a trace is sampled', () => {
  it.each<[TraceSettings['sampler'], number, readonly boolean[]]>([
    ['always_on', 1, [true, true, true]],
    ['always_off', 1, [false, false, false]],
    ['parentbased_always_on', 1, [true, false, true]],
    ['parentbased_always_off', 1, [true, false, false]],
    ['parentbased_traceidratio', 0, [true, false, false]],
    ['traceidratio', 1, [true, true, true]],
    ['traceidratio', 0, [false, false, false]],
  ])('by %s with %d: of sampled, of unsampled, and without a parent %j', async (name, ratio, expected) => {
    const sampled = await sampler(name, ratio);
    expect([sampled(traceId, parent('01')), sampled(traceId, parent('00')), sampled(traceId, undefined)]).toEqual(
      expected,
    );
  });
});
