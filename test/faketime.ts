import { existsSync, writeFileSync } from 'node:fs';

const library = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
  .map((directory) => `${directory}/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

/** Whether a process can be given another clock here: Debian's package `faketime` is installed. */
export const canFakeTime = library !== undefined;

/** A clock that a test sets for the processes that run under it; time passes in them as ever. */
export function fakeClock(file: string) {
  const set = (shift: string) => writeFileSync(file, `${shift}\n`);
  set('+0');
  return {
    /** The shift, such as `+365d`. */
    set,
    env: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
  };
}
