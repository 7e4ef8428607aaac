import { write, writeSync } from 'node:fs';

export interface LogOutput {
  readonly write: (text: string) => void;
  /** Writes what is in memory as far as it is taken at once; for the end of the process. pino calls it after a fatal line. */
  readonly flushSync: () => void;
}

const gatheredBytes = 65_536;
const gatheredMs = 200;
/** The most that is kept for a reader that has stopped. Later lines are lost. */
const mostBytes = 4 * 1024 * 1024;
const retryMs = 100;
/** At the end of the process a slow reader gets this number of attempts, 10 ms apart. */
const lastAttempts = 20;

/**
 * Lines on standard output, gathered for a moment, because a write costs more than a line. A reader that has closed, or
 * has stopped reading, neither blocks the process nor keeps it from ending. The destination of pino does both, because
 * it repeats a synchronous write until it succeeds, whatever the error (sonic-boom 4.2.1, `flushSync`).
 */
export function logOutput(fd = 1): LogOutput {
  // Makes a pipe non-blocking. Otherwise a write to a full pipe holds a thread of the pool, and the process cannot end.
  if (fd === 1) process.stdout.on('error', () => undefined);
  if (fd === 1) process.stderr.on('error', () => undefined);
  let gathered: string[] = [];
  let gatheredLength = 0;
  /** The part of an unfinished write that is left. */
  let rest: Buffer | undefined;
  let inPool = false;
  let retry: NodeJS.Timeout | undefined;
  setInterval(writeOn, gatheredMs).unref();

  function take(): Buffer | undefined {
    if (gatheredLength === 0) return undefined;
    const taken = Buffer.from(gathered.join(''));
    gathered = [];
    gatheredLength = 0;
    return taken;
  }

  function writeOn(): void {
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
          writeOn();
        }, retryMs).unref();
        return;
      }
      // The reader is gone, or nothing more can be written now. Later lines may succeed, so these are dropped.
      rest = error || written === writing.length ? undefined : writing.subarray(written);
      if (rest || gatheredLength >= gatheredBytes) writeOn();
    });
  }

  return {
    write(text) {
      if (gatheredLength + text.length > mostBytes) return;
      gathered.push(text);
      gatheredLength += text.length;
      if (gatheredLength >= gatheredBytes) writeOn();
    },
    flushSync() {
      // A write that the pool has started ends by itself, or never.
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
