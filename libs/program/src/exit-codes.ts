// After sysexits: a supervisor starts a process again after anything but what a person has to put right.

/** The configuration is at fault (`EX_CONFIG`): starting again changes nothing. */
export const badConfiguration = 78;
/** The process has lost something that only another process has (`EX_TEMPFAIL`): start it again. */
export const startAgain = 75;

/** The variables of the environment do not go together. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
}

/** How a process ends that could not begin. */
export function exitCodeOf(error: unknown): number {
  // By name: the class is loaded only where there is a database.
  const refused = error instanceof Error && error.name === 'StoreRefused';
  return refused || error instanceof BadConfiguration ? badConfiguration : 1;
}
