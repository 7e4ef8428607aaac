/**
 * Does work that stands in lanes: of each lane one piece after the other in its order, of different lanes at most so many
 * at once. Results come as they are there; while nobody takes them, nothing new is begun.
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
