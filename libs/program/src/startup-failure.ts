/** Why the server does not start, and what to do. Nothing has been lost or overwritten. */
export class StartupFailure extends Error {
  override readonly name = 'StartupFailure';
  constructor(
    message: string,
    /** 78 for a configuration at fault (`EX_CONFIG` of sysexits). */
    readonly exitCode = 1,
  ) {
    super(message);
  }
}
