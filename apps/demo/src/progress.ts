import { Presets, SingleBar } from 'cli-progress';
import type { Tally } from './play-book.js';

export interface Progress {
  readonly step: (tally: Readonly<Tally>) => void;
  readonly stop: () => void;
}

/** A bar on a terminal; elsewhere (a log, a pipe) a line for every tenth. */
export function progressOf(total: number, terminal = process.stdout.isTTY): Progress {
  const startedAt = performance.now();
  const rate = (done: number) => Math.round((1000 * done) / (performance.now() - startedAt));
  if (terminal) {
    const format = 'Sending {bar} {percentage}% | {value}/{total} commands | {rate}/s | {refused} refused as foreseen';
    const bar = new SingleBar({ format, hideCursor: true }, Presets.shades_classic);
    bar.start(total, 0, { rate: 0, refused: 0 });
    return {
      step: (tally) => bar.update(doneOf(tally), { rate: rate(doneOf(tally)), refused: tally.refused }),
      stop: () => bar.stop(),
    };
  }
  let nextTenth = 1;
  return {
    step(tally) {
      const done = doneOf(tally);
      if (done * 10 < nextTenth * total) return;
      nextTenth = Math.floor((done * 10) / total) + 1;
      console.log(`${done} of ${total} commands sent (${rate(done)}/s), ${tally.refused} refused as foreseen`);
    },
    stop() {},
  };
}

function doneOf({ accepted, replayed, refused }: Readonly<Tally>): number {
  return accepted + replayed + refused;
}
