import { commandPaths, type components, type paths } from './api.js';

// The commands of the OpenAPI document by name: the path of each, the ids in the path, and the fields of the body.

export type CommandName = keyof typeof commandPaths;
export type CommandAnswer = components['schemas']['CommandAnswer'];

type Route<N extends CommandName> = paths[(typeof commandPaths)[N]]['post'];
type Ids<N extends CommandName> = Omit<Route<N>['parameters']['path'], 'customerId'>;
type Body<N extends CommandName> = NonNullable<Route<N>['requestBody']>['content']['application/json'];
type Immutable<T> = { readonly [K in keyof T]: Immutable<T[K]> };

/** The data of a command: the ids in its path and the fields of its body. */
export type CommandData<N extends CommandName> = Immutable<Ids<N> & Omit<Body<N>, 'comment'>>;

/** A command by its name. */
export type Command<N extends CommandName = CommandName> = {
  [Each in N]: { readonly type: Each; readonly data: CommandData<Each> };
}[N];

export interface RelationshipIds {
  readonly customerId: string;
  /** Only people of the customer name the partner. */
  readonly partnerId?: string;
}

/** The path and the body of a command. */
export function commandRequest(
  { type, data }: Command,
  { customerId, partnerId }: RelationshipIds,
): { readonly path: string; readonly body: Readonly<Record<string, unknown>> } {
  const body: Record<string, unknown> = { ...data };
  const below = commandPaths[type].replace(/^.*\{customerId\}/, '').replace(/\{(\w+)\}/g, (_, name: string) => {
    const id = body[name];
    delete body[name];
    return encodeURIComponent(String(id));
  });
  return { path: `${customerPath(customerId, partnerId)}${below}`, body };
}

function customerPath(customerId: string, partnerId: string | undefined): string {
  const customer = `customers/${encodeURIComponent(customerId)}`;
  return partnerId === undefined ? `/v1/${customer}` : `/v1/partners/${encodeURIComponent(partnerId)}/${customer}`;
}
