import { write, writeSync } from 'node:fs';

export interface LogOutput {
  readonly write: (text: string) => void;
  /** Writes what is in memory as far as it is taken at once; for the end of the process. pino calls it after a fatal line. */
  readonly flushSync: () => void;
}

const gatheredBytes = 65_536;
const gatheredMs = 200;
/** The most that is kept for a reader that has stopped; what comes after that is lost. */
const mostBytes = 4 * 1024 * 1024;
const retryMs = 100;
/** At the end of the process a slow reader gets this number of attempts, 10 ms apart. */
const lastAttempts = 20;

/**
 * Lines on standard output, gathered for a moment, because a write for each costs more than the line. A reader that has gone,
 * or has stopped reading, neither holds up the process nor keeps it from ending: the destination of pino does both, because
 * it repeats a synchronous write until it succeeds, whatever the error (sonic-boom 4.2.1, `flushSync`).
 */
export function logOutput(fd = 1): LogOutput {
  // Makes a pipe non-blocking. A write to a full one would else hold a thread of the pool, for which the end of a process waits.
  if (fd === 1) process.stdout.on('error', () => undefined);
  if (fd === 1) process.stderr.on('error', () => undefined);
  let gathered: string[] = [];
  let gatheredLength = 0;
  /** What has been begun to be written. */
  let rest: Buffer | undefined;
  let inPool = false;
  let retry: NodeJS.Timeout | undefined;
  setInterval(begin, gatheredMs).unref();

  function take(): Buffer | undefined {
    if (gatheredLength === 0) return undefined;
    const taken = Buffer.from(gathered.join(''));
    gathered = [];
    gatheredLength = 0;
    return taken;
  }

  function begin(): void {
    if (inPool || retry) return;
    rest ??= take();
    if (!rest) return;
    inPool = true;
    const writing = rest;
    write(fd, writing, (error, written) => {
      inPool = false;
      if (error?.code === 'EAGAIN') {
        retry = setTimeout(() => {
          retry = undefined;
          begin();
        }, retryMs).unref();
        return;
      }
      // Nobody reads it, or nothing more can be written there: what comes later may fare better.
      rest = error || written === writing.length ? undefined : writing.subarray(written);
      if (rest || gatheredLength >= gatheredBytes) begin();
    });
  }

  return {
    write(text) {
      if (gatheredLength + text.length > mostBytes) return;
      gathered.push(text);
      gatheredLength += text.length;
      if (gatheredLength >= gatheredBytes) begin();
    },
    flushSync() {
      // What the pool has in hand it writes by itself, or never will.
      let left = inPool ? take() : (rest ?? take());
      for (let attempt = 0; left && attempt < lastAttempts;) {
        try {
          const written = writeSync(fd, left);
          left = written === left.length ? take() : left.subarray(written);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') break;
          attempt++;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        }
      }
      if (!inPool) rest = undefined;
    },
  };
}
