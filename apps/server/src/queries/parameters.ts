import { Matching, Optional, WholeText } from '#http';
import { maxPageSize } from '#read-models';
import { AsOfParameters } from '../as-of/moment.js';

/** The query of a route that takes no parameters. */
export class NoParameters {}

/** What every list takes. */
export class PageParameters extends AsOfParameters {
  /** From the Link header of the previous page, with the same filters and sort. */
  @Optional(Matching(/^[A-Za-z0-9_-]{1,4096}$/, 'a cursor as the Link header brings it', 'MTIz')) cursor?: string;
  @Optional(WholeText(1, maxPageSize)) limit?: number;
  /** The position that the view must have reached. The header Ledger-Position has the same effect and names the ledger too. */
  @Optional(Matching(/^(0|[1-9]\d{0,15})$/, 'a position: digits', '42')) atLeast?: string;
}

/** The parameters of the list itself: its filters and its sort. */
export function ownOf(
  parameters: PageParameters & { readonly sort?: string },
): Readonly<Record<string, unknown>> & { readonly sort?: string } {
  const { cursor: _, limit: __, atLeast: ___, asOf: ____, asOfPosition: _____, ...own } = parameters;
  return own;
}
