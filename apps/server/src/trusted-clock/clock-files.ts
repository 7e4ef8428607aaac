import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClockJump, ClockNotes } from './trusted-clock.js';

// A person agrees to a jump while the server runs, and the log of a running server is locked. So the two speak by files in
// the data directory: one with the jump that the server has found, one with the time that the person says is right.

const jumpFile = (dataDirectory: string) => join(dataDirectory, 'clock-jump.json');
const agreementFile = (dataDirectory: string) => join(dataDirectory, 'clock-agreed.json');

/** The server's side. What cannot be written is reported, and is no hindrance: the clock is not trusted all the same. */
export function clockNotesIn(dataDirectory: string, onTrouble: (error: Error) => void): ClockNotes {
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      onTrouble(error as Error);
    }
  };
  let written = false;
  return {
    left: () => readJump(dataDirectory),
    write(jump) {
      if (written) return;
      attempt(() => {
        write(jumpFile(dataDirectory), jump);
        written = true;
      });
    },
    agreed() {
      const { time } = (read(agreementFile(dataDirectory)) ?? {}) as { readonly time?: string };
      const agreed = Date.parse(time ?? '');
      return Number.isNaN(agreed) ? undefined : agreed;
    },
    clear() {
      written = false;
      for (const path of [jumpFile(dataDirectory), agreementFile(dataDirectory)])
        attempt(() => rmSync(path, { force: true }));
    },
  };
}

/** The jump that the server of a data directory has found, and that nobody has agreed to. */
export function readJump(dataDirectory: string): ClockJump | undefined {
  const { reads, expected } = (read(jumpFile(dataDirectory)) ?? {}) as Partial<ClockJump>;
  if (reads === undefined || Number.isNaN(Date.parse(reads))) return undefined;
  if (expected === undefined || Number.isNaN(Date.parse(expected))) return undefined;
  return { reads, expected };
}

/** Says to the server of a data directory that this is the time. */
export function agreeTo(dataDirectory: string, time: string): void {
  write(agreementFile(dataDirectory), { time });
}

/** What the file holds; nothing for one that is missing or no JSON. */
function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** As a whole: the other side may read at any time. */
function write(path: string, content: object): void {
  const unfinished = `${path}.new`;
  writeFileSync(unfinished, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(unfinished, path);
}
