/** Why a database will not do, however often it is tried. */
export type Refusal =
  | 'badConnectionString'
  | 'insecure'
  | 'tlsMismatch'
  | 'wrongCertificate'
  | 'wrongCredentials'
  | 'accessDenied'
  | 'clockSkew'
  | 'notADatabase';

/** The database cannot be used as configured. The message says what to do about it; nothing was written. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  constructor(
    readonly refusal: Refusal,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
