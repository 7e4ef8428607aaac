// As in sysexits: a supervisor starts a process again unless a person has to correct something first.

/** The command line is at fault (`EX_USAGE`). */
export const badUsage = 64;
/** The process has lost something that only another process has (`EX_TEMPFAIL`): start it again. */
export const startAgain = 75;
/** The configuration is at fault (`EX_CONFIG`): starting again changes nothing. */
export const badConfiguration = 78;

/** Every exit code of every program, and what it means. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done; the server and the projector: stopped on request'],
  [1, 'could not start, could not be done, or a bug: the last lines say what to do; `integrity`: there are findings'],
  [2, '`integrity`, `due`: the log could not be read to its end'],
  [badUsage, 'the command line is not right'],
  [startAgain, 'the database client has lost its state: a new process is all it needs'],
  [badConfiguration, 'the configuration is at fault, Node is too old, or the database refuses the ledger'],
];

/** The variables of the environment do not go together. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
}

/** What was asked for on the command line does not go together. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}

/** The exit code of a process that could not start. */
export function exitCodeOf(error: unknown): number {
  // By name: the class is loaded only where there is a database.
  const refused = error instanceof Error && error.name === 'StoreRefused';
  return refused || error instanceof BadConfiguration ? badConfiguration : 1;
}
