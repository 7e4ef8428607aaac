/** What stands in the way of opening a store. */
export type StartupProblem =
  | 'busy'
  | 'damaged'
  | 'diskFull'
  | 'inUse'
  | 'missing'
  | 'newerRelease'
  | 'noPermission'
  | 'notALedger'
  | 'notInitialised';

/** The store cannot be opened. The message says what to do about it; nothing was changed. */
export class StoreStartupError extends Error {
  override readonly name = 'StoreStartupError';
  constructor(
    readonly problem: StartupProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
