import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TrustedClock, type ClockJump, type ClockNotes } from './trusted-clock.js';

const second = 1_000;
const hour = 3_600 * second;
const day = 24 * hour;
const year = 365 * day;
const start = Date.parse('2026-11-29T12:00:00.000Z');
const at = (ms: number) => new Date(start + ms).toISOString();

/** A machine whose time passes and whose clock is set at the will of the test, and what is written down beside it. */
function machine(left?: ClockJump) {
  let wall = start;
  let monotonic = 7 * second;
  let uptime = 900 * second;
  let jump = left;
  let agreed: number | undefined;
  const said: string[] = [];
  const notes: ClockNotes = {
    left: () => jump,
    write: (found) => (jump ??= found),
    agreed: () => agreed,
    clear: () => (jump = agreed = undefined),
  };
  return {
    said,
    written: () => jump,
    pass(ms: number) {
      wall += ms;
      monotonic += ms;
      uptime += ms;
    },
    sleep(ms: number) {
      wall += ms;
      uptime += ms;
    },
    set: (ms: number) => (wall += ms),
    agree: (time: string) => (agreed = Date.parse(time)),
    boot: (jumpMax = day) =>
      new TrustedClock({
        clocks: { wall: () => wall, monotonic: () => monotonic, uptime: () => uptime },
        jumpMax,
        notes,
        onJump: ({ reads, expected }) => said.push(`jump from ${expected} to ${reads}`),
        onTrusted: (_, because) => said.push(because),
      }),
  };
}

const refusal = { code: 'ClockNotTrusted', status: 503, headers: { 'Retry-After': '60' } };
const refusedBy = (clock: TrustedClock): unknown => {
  try {
    clock.now();
  } catch (error) {
    return error;
  }
  throw new Error('It was trusted');
};

describe('A clock', () => {
  it('is trusted as it goes, and when it is set by no more than the bound', () => {
    const { pass, set, boot, said } = machine();
    const clock = boot();
    pass(3 * year);
    expect(clock.now()).toBe(at(3 * year));
    set(day);
    expect([clock.now(), clock.trusted(), clock.estimate()]).toEqual([
      at(3 * year + day),
      true,
      start + 3 * year + day,
    ]);
    expect(said).toEqual([]);
  });

  it('is not trusted from the reading on that lies further than that', () => {
    const { pass, set, boot, said, written } = machine();
    const clock = boot();
    pass(hour);
    set(day + 1);
    const jump = { reads: at(hour + day + 1), expected: at(hour) };
    expect(refusedBy(clock)).toMatchObject({ ...refusal, members: { outcome: 'none', clock: jump } });
    expect([clock.trusted(), clock.jump(), clock.estimate()]).toEqual([false, jump, start + hour]);
    expect(said[0]).toBe(`jump from ${jump.expected} to ${jump.reads}`);
    expect(written()).toEqual(jump);
    pass(hour);
    expect(clock.estimate()).toBe(start + 2 * hour);
  });

  it('is not trusted when it comes to that by many steps', () => {
    const { pass, set, boot } = machine();
    const clock = boot();
    for (let step = 0; step < 3; step++) {
      set(9 * hour);
      pass(second);
      expect(clock.trusted()).toBe(step < 2);
    }
  });

  it('is trusted again by itself when it comes back', () => {
    const { set, boot, said, written } = machine();
    const clock = boot();
    set(year);
    expect(clock.trusted()).toBe(false);
    set(-year);
    expect(clock.now()).toBe(at(0));
    expect([said.at(-1), written()]).toEqual(['cameBack', undefined]);
  });

  it('is trusted again when a person agrees to the time that it reads, and judged anew from there', () => {
    const { set, pass, agree, boot, said, written } = machine();
    const clock = boot();
    set(year);
    expect(clock.trusted()).toBe(false);
    agree(at(year + hour));
    expect(clock.now()).toBe(at(year));
    expect([said.at(-1), written()]).toEqual(['agreed', undefined]);
    pass(hour);
    expect(clock.trusted()).toBe(true);
    set(2 * day);
    expect(clock.trusted()).toBe(false);
  });

  it.each([2 * year, 0, year - day - 1])('is not trusted for a word that names another time (%d ms)', (ms) => {
    const { set, agree, boot } = machine();
    const clock = boot();
    set(year);
    expect(clock.trusted()).toBe(false);
    agree(at(ms));
    expect(clock.trusted()).toBe(false);
  });

  it('is trusted after the machine has slept, and judged from then on', () => {
    const { sleep, set, pass, boot, said } = machine();
    const clock = boot();
    sleep(30 * day);
    expect(clock.now()).toBe(at(30 * day));
    pass(hour);
    set(2 * day);
    expect([clock.trusted(), clock.estimate()]).toEqual([false, start + 30 * day + hour]);
    expect(said).toHaveLength(2);
  });

  it('that is set back is no jump forward, nor is its return', () => {
    const { set, boot } = machine();
    const clock = boot();
    set(-year);
    expect(clock.now()).toBe(at(-year));
    set(year);
    expect(clock.trusted()).toBe(true);
  });

  it('is believed at a start: only it says how long the server was off', () => {
    const { set, boot } = machine();
    expect(boot().trusted()).toBe(true);
    set(year);
    expect(boot().now()).toBe(at(year));
  });

  it('that was not trusted is not trusted after a start either, until it has been put right or agreed to', () => {
    const { set, pass, agree, boot, written } = machine();
    const before = boot();
    set(year);
    expect(before.trusted()).toBe(false);
    pass(hour);
    const clock = boot();
    expect([clock.trusted(), clock.estimate()]).toEqual([false, start + hour]);
    agree(at(year));
    expect([clock.trusted(), boot().trusted(), written()]).toEqual([true, true, undefined]);
  });

  it('that was put right between two runs is trusted', () => {
    const { boot, written } = machine({ reads: at(year), expected: at(-hour) });
    expect([boot().now(), written()]).toEqual([at(0), undefined]);
  });

  it('is trusted exactly while it is ahead of the time that has passed by no more than the bound', () => {
    const step = fc.constantFrom<'pass' | 'set' | 'sleep'>('pass', 'set', 'sleep');
    fc.assert(
      fc.property(
        fc.array(
          step.chain((kind) => fc.integer({ min: kind === 'set' ? -year : 0, max: year }).map((ms) => ({ kind, ms }))),
        ),
        fc.nat(day),
        (steps, jumpMax) => {
          const { boot, ...does } = machine();
          const clock = boot(jumpMax);
          let [ahead, passed] = [0, 0];
          for (const { kind, ms } of steps) {
            does[kind](ms);
            if (kind === 'set') ahead += ms;
            else passed += ms;
            expect(clock.trusted()).toBe(ahead <= jumpMax);
            if (ahead <= jumpMax) expect(clock.now()).toBe(at(passed + ahead));
          }
        },
      ),
    );
  });
});
