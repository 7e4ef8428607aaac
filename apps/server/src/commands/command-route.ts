import type { CommandName, RelationshipCommands, RelationshipEvents } from '#customer-relationship';
import type { FieldsClass } from '#http';
import type { CommentedBody } from './commented-body.js';

/** All that HTTP has to say of a command: where it is posted, and what is taken there. */
export interface CommandRoute {
  /** Below the relationship; ids by the names that they have in the command: `subscriptions/:subscriptionId/suspend`. */
  readonly path: string;
  readonly body: FieldsClass<CommentedBody>;
  /** A few words for a table of contents. */
  readonly summary: string;
  /** The event that makes the answer 201, and where the new item is found: `subscriptions/:subscriptionId`. */
  readonly creates?: { readonly event: keyof RelationshipEvents; readonly at: string };
  /** The sender must show what it has seen (428 without `If-Match`). */
  readonly needsIfMatch?: boolean;
}

/**
 * Declares the routes of some commands. The compiler checks that the ids in the path and the fields of the body together are
 * the command's data: each of them, the optional ones too, and nothing else.
 */
export function declared<const Routes extends { readonly [N in CommandName]?: CommandRoute }>(
  routes: Routes & { readonly [N in keyof Routes]: Checked<Routes[N], N> },
): Routes {
  return routes;
}

type Checked<Route, N> = Route extends { readonly path: infer Path; readonly body: FieldsClass<infer Body> }
  ? N extends CommandName
    ? { readonly body: FieldsClass<Exactly<Omit<RelationshipCommands[N], IdsIn<Path>>, Body>> }
    : never
  : unknown;

/** What a body must be assignable to. */
type Exactly<Data, Body> = Data & {
  readonly [Missing in Exclude<keyof Data, keyof Body>]-?: Data[Missing];
} & {
  readonly [Unknown in Exclude<keyof Body, keyof Data | keyof CommentedBody>]: never;
};

type IdsIn<Path> = Path extends `${string}:${infer Id}/${infer Rest}`
  ? Id | IdsIn<Rest>
  : Path extends `${string}:${infer Id}`
    ? Id
    : never;
