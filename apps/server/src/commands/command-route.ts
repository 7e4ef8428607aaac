import type { RelationshipCommands, RelationshipEvents } from '#customer-relationship';
import type { FieldsClass } from '#http';
import type { CommentedBody } from './commented-body.js';

/** The HTTP half of a command: where it is posted, and the body that it takes. */
export interface CommandRoute {
  /** Below the relationship. The ids have their names in the command: `subscriptions/:subscriptionId/suspend`. */
  readonly path: string;
  readonly body: FieldsClass<CommentedBody>;
  /** The event that makes the answer 201, and the path of the new item: `subscriptions/:subscriptionId`. */
  readonly creates?: { readonly event: keyof RelationshipEvents; readonly at: string };
  /** The sender must name the revision that it has seen (428 without `If-Match`). */
  readonly needsIfMatch?: boolean;
}

/**
 * Declares the routes of all commands of a noun. The compiler checks that the ids in the path and the fields of the body
 * together are exactly the command's data, optional fields included.
 */
export function routesOf<Commands extends Partial<RelationshipCommands>>() {
  return <const Routes extends { readonly [N in keyof Commands]?: CommandRoute }>(
    routes: Routes &
      Missing<Commands, Routes> & {
        readonly [N in keyof Routes]: N extends keyof Commands ? Checked<Routes[N], Commands[N]> : never;
      },
  ): Routes & Missing<Commands, Routes> => routes;
}

type Missing<Commands, Routes> = { readonly [N in Exclude<keyof Commands, keyof Routes>]: CommandRoute };

type Checked<Route, Data> = Route extends { readonly path: infer Path; readonly body: FieldsClass<infer Body> }
  ? { readonly body: FieldsClass<Exactly<Omit<Data, IdsIn<Path>>, Body>> }
  : unknown;

/** What a body must be assignable to. */
type Exactly<Data, Body> = Data & {
  readonly [Lacking in Exclude<keyof Data, keyof Body>]-?: Data[Lacking];
} & {
  readonly [Surplus in Exclude<keyof Body, keyof Data | keyof CommentedBody>]: never;
};

/** The names of the ids in a path. */
export type IdsIn<Path> = Path extends `${string}:${infer Id}/${infer Rest}`
  ? Id | IdsIn<Rest>
  : Path extends `${string}:${infer Id}`
    ? Id
    : never;
