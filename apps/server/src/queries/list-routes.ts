import { views, type List, type ListRoute } from '#read-models';
import { relationshipPaths } from '../relationship-paths.js';

/** A list at one of its paths. */
export interface FoundList extends ListRoute {
  readonly view: string;
  /** The version of the view: another version may show the same position differently. */
  readonly version: number;
  readonly list: List;
  /** Of one customer, or of all of the partner's. */
  readonly ofCustomer: boolean;
  /** The name of the page's schema. */
  readonly page: string;
}

/** Every list at each of its paths, in the order of the views. */
export const foundLists: readonly FoundList[] = views.flatMap(({ projection: { name: view, version }, lists }) =>
  lists.flatMap((list) => {
    const { partnerWide, ofCustomer, page } = list;
    const common = { view, version, list };
    return [
      ...(ofCustomer ? [{ ...common, ...ofCustomer, ofCustomer: true, page: ofCustomer.beside?.page ?? page }] : []),
      { ...common, ...partnerWide, ofCustomer: false, page },
    ];
  }),
);

/** The paths of a list, as Nest writes them. */
export function pathsOf({ ofCustomer, path }: FoundList): readonly string[] {
  return ofCustomer ? relationshipPaths(path) : [`v1/${path}`];
}
