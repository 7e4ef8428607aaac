// As in sysexits: a supervisor starts a process again unless a person has to correct something first.

/** The configuration is at fault (`EX_CONFIG`): starting again changes nothing. */
export const badConfiguration = 78;
/** The process has lost something that only another process has (`EX_TEMPFAIL`): start it again. */
export const startAgain = 75;

/** The variables of the environment do not go together. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
}

/** The exit code of a process that could not start. */
export function exitCodeOf(error: unknown): number {
  // By name: the class is loaded only where there is a database.
  const refused = error instanceof Error && error.name === 'StoreRefused';
  return refused || error instanceof BadConfiguration ? badConfiguration : 1;
}
