/** Whatever waits, in a line for each name. Lines have their turns one after the other, however long they are. */
export interface FairLines<Waiting> {
  readonly size: () => number;
  readonly lengthOf: (name: string) => number;
  readonly add: (name: string, waiting: Waiting) => void;
  /** The first of the line whose turn it is, among those that may have one. */
  readonly next: (may?: (name: string) => boolean) => Waiting | undefined;
}

export function fairLines<Waiting>(): FairLines<Waiting> {
  // In the order of their turns: a line that has had one goes behind all others.
  const lines = new Map<string, Waiting[]>();
  let size = 0;
  return {
    size: () => size,
    lengthOf: (name) => lines.get(name)?.length ?? 0,
    add(name, waiting) {
      size++;
      const line = lines.get(name);
      if (line) line.push(waiting);
      else lines.set(name, [waiting]);
    },
    next(may = () => true) {
      for (const [name, line] of lines) {
        if (!may(name)) continue;
        const first = line.shift();
        lines.delete(name);
        if (line.length > 0) lines.set(name, line);
        size--;
        return first;
      }
      return undefined;
    },
  };
}
