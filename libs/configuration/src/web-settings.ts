import { OneOf, Optional } from '#http';

export class WebVariables {
  @Optional(OneOf(['on', 'off'])) DOCS?: 'on' | 'off';
}

/** What the server shows to browsers. */
export interface WebSettings {
  /** Whether there is a page to try the routes. */
  readonly docs: boolean;
}

export function webOf(value: WebVariables): WebSettings {
  return { docs: value.DOCS !== 'off' };
}
