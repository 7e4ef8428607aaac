/**
 * The domain says no. It carries data, never a sentence: the code is the name of the state of affairs and the details
 * are JSON. Anything else that is thrown by a decision is a bug.
 */
export class Rejection<
  Code extends string = string,
  Details extends object = Readonly<Record<string, unknown>>,
> extends Error {
  override readonly name = 'Rejection';

  constructor(
    readonly code: Code,
    readonly details: Details = {} as Details,
  ) {
    super(code);
  }
}
