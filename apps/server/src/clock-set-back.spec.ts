import { describe, expect, it } from '@jest/globals';
import { clockSetBack } from './clock-set-back.js';
import { clockOf } from './testing-ledger.js';

const before = '2026-03-01T12:00:00.000Z';
const last = '2026-03-01T12:00:00.500Z';

function warnings(now: string) {
  const warned: object[] = [];
  const onEarlier = clockSetBack(
    clockOf(() => now),
    { warn: (details: object) => void warned.push(details) } as never,
  );
  return { warned, onEarlier };
}

describe('A clock', () => {
  it('is not said to be set back when a command has waited while another server appended', () => {
    const { warned, onEarlier } = warnings('2026-03-01T12:00:02.000Z');
    onEarlier('stream', before, last);
    expect(warned).toEqual([]);
  });

  it('that reads earlier than the last event now is reported once in a while, with both times', () => {
    const { warned, onEarlier } = warnings('2026-03-01T12:00:00.100Z');
    for (let time = 0; time < 100; time++) onEarlier('stream', before, last);
    expect(warned).toEqual([{ stream: 'stream', now: '2026-03-01T12:00:00.100Z', lastRecordedAt: last, times: 1 }]);
  });
});
