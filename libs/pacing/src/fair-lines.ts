/** Waiting work, in a line for each name. Lines take turns, however long they are. */
export class FairLines<Waiting> {
  // In the order of their turns: a line goes to the end after its turn.
  private readonly lines = new Map<string, Waiting[]>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  lengthOf(name: string): number {
    return this.lines.get(name)?.length ?? 0;
  }

  add(name: string, waiting: Waiting): void {
    this.count++;
    const line = this.lines.get(name);
    if (line) line.push(waiting);
    else this.lines.set(name, [waiting]);
  }

  /** The first of the next line that may have a turn; of several such lines, that of the one with the least weight. */
  next(may: (name: string) => boolean = () => true, weightOf: (name: string) => number = () => 0): Waiting | undefined {
    let [lightest, least]: [string | undefined, number] = [undefined, Infinity];
    for (const name of this.lines.keys()) {
      if (!may(name)) continue;
      const weight = weightOf(name);
      if (weight < least) [lightest, least] = [name, weight];
      if (weight === 0) break;
    }
    return lightest === undefined ? undefined : this.takeFrom(lightest);
  }

  remove(name: string, waiting: Waiting): void {
    const line = this.lines.get(name);
    const place = line?.indexOf(waiting) ?? -1;
    if (!line || place === -1) return;
    line.splice(place, 1);
    if (line.length === 0) this.lines.delete(name);
    this.count--;
  }

  private takeFrom(name: string): Waiting | undefined {
    const line = this.lines.get(name)!;
    const first = line.shift();
    this.lines.delete(name);
    if (line.length > 0) this.lines.set(name, line);
    this.count--;
    return first;
  }
}
