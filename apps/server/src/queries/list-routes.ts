import { views, type List, type ListRoute } from '#read-models';
import { relationshipPaths } from '../relationship-paths.js';

/** A list at one of its paths. */
export interface FoundList extends ListRoute {
  /** Its own view, then the others that it reads. */
  readonly views: readonly string[];
  /** The versions of those views: another version may show the same position differently. */
  readonly versions: string;
  readonly list: List;
  /** Of one customer, or of all of the partner's. */
  readonly ofCustomer: boolean;
  /** The name of the page's schema. */
  readonly page: string;
}

/** Every list at each of its paths, in the order of the views. */
export const foundLists: readonly FoundList[] = views.flatMap(({ projection, lists }) =>
  lists.flatMap((list) => {
    const { partnerWide, ofCustomer, page } = list;
    const read = [projection, ...list.reads];
    const common = {
      views: read.map(({ name }) => name),
      versions: read.map(({ version }) => version).join('.'),
      list,
    };
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
