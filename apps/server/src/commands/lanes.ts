/**
 * Does work in lanes: the pieces of a lane run one after the other, in their order, and at most `atOnce` lanes run at a time.
 * Yields each result when it is ready. No further piece starts until the result is taken.
 */
export async function* throughLanes<Work, Result>(
  lanes: readonly (readonly Work[])[],
  atOnce: number,
  does: (work: Work) => Promise<Result>,
): AsyncGenerator<Result> {
  const idle = lanes.map((lane): Iterator<Work, undefined> => lane.values());
  const running = new Map<
    number,
    Promise<{ readonly run: number; readonly lane: Iterator<Work, undefined>; readonly result: Result }>
  >();
  for (let run = 0; ;) {
    while (running.size < atOnce && idle.length > 0) {
      const lane = idle.shift()!;
      const { value, done } = lane.next();
      if (done) continue;
      const mine = run++;
      running.set(
        mine,
        does(value).then((result) => ({ run: mine, lane, result })),
      );
    }
    if (running.size === 0) return;
    const ended = await Promise.race(running.values());
    running.delete(ended.run);
    idle.push(ended.lane);
    yield ended.result;
  }
}
