import type { CommandName, RelationshipCommands, RelationshipEvents } from '#customer-relationship';
import {
  badRequest,
  idempotencyKey,
  ifMatch,
  isItemId,
  normalItemId,
  type FieldsClass,
  type Precondition,
} from '#http';
import { applyDecorators, Controller, createParamDecorator, Post, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Requester } from '../requester.js';
import { representation } from '../representation.js';

/** What a route has to say of its command besides the body. */
export interface Sending {
  readonly command: CommandName;
  /** The event that makes the answer 201, and where the new item is found: `subscriptions/:subscriptionId`. */
  readonly creates?: { readonly event: keyof RelationshipEvents; readonly at: string };
  /** The sender must show what it has seen (428 without `If-Match`). */
  readonly needsIfMatch?: boolean;
}

/** A command as it came in, before its body: who sends it, about what, under which key and condition. */
export interface IncomingCommand {
  readonly sending: Sending;
  readonly requester: Requester;
  /** The ids in the path, by the names that they have in the command. */
  readonly ids: Readonly<Record<string, string>>;
  /** Absent for a dry run. */
  readonly key: string | undefined;
  readonly precondition: Precondition | undefined;
  readonly dryRun: boolean;
  /** The path that the command was sent to; what refuses it names it. */
  readonly instance: string;
  readonly call: FastifyRequest['call'];
}

/** Free text that goes with any command. */
export interface Commented {
  readonly comment?: string;
}

type IdsIn<Path extends string> = Path extends `${string}:${infer Id}/${infer Rest}`
  ? Id | IdsIn<Rest>
  : Path extends `${string}:${infer Id}`
    ? Id
    : never;
type BodyOf<N extends CommandName, Path extends string> = Omit<RelationshipCommands[N], IdsIn<Path>> & Commented;

/** A command's one route below a relationship: what carries commands in another way goes by it too. */
export interface CommandRoute {
  readonly sending: Sending;
  readonly body: FieldsClass<Commented>;
  /** `subscriptions/:subscriptionId/suspend` */
  readonly below: string;
}

const sendings = new WeakMap<object, Sending>();
const documented = new Map<string, Sending>();
const declared = new Map<CommandName, Omit<CommandRoute, 'below'> & { readonly in: object; readonly path: string }>();
const nouns = new WeakMap<object, string>();

/** The sending that a route was declared with, by `Controller.method`. */
export function documentedSending(route: string): Sending | undefined {
  return documented.get(route);
}

/**
 * Declares a route that sends one command. The compiler checks that the ids in the path and the body together are the
 * command's data.
 */
export function Sends<N extends CommandName, const Path extends string>(
  command: N,
  path: Path,
  options: Omit<Sending, 'command'> = {},
) {
  return <Body extends BodyOf<N, Path>>(
    target: object,
    property: string,
    descriptor: TypedPropertyDescriptor<(incoming: IncomingCommand, body: Body) => Promise<unknown>>,
  ): void => {
    const sending = { command, ...options };
    sendings.set(descriptor.value!, sending);
    documented.set(`${target.constructor.name}.${property}`, sending);
    // What the compiler writes down of the method's parameters, for Nest and for us.
    const [, body] = Reflect.getMetadata('design:paramtypes', target, property) as [unknown, FieldsClass<Commented>];
    declared.set(command, { sending, body, in: target, path });
    applyDecorators(Post(path))(target, property, descriptor);
  };
}

/** The controller of one noun's commands, under the customer's path and, for customers, under the partner's. */
export function RelationshipController(noun: string): ClassDecorator {
  return (controller) => {
    nouns.set(controller.prototype as object, noun);
    Controller(relationshipPaths(noun))(controller);
  };
}

/** The routes of all commands whose controllers have been loaded. */
export function commandRoutes(): ReadonlyMap<CommandName, CommandRoute> {
  return new Map(
    [...declared].map(([command, { sending, body, in: controller, path }]) => {
      const below = [nouns.get(controller), path].filter(Boolean).join('/');
      return [command, { sending, body, below }];
    }),
  );
}

export function relationshipPaths(below: string): string[] {
  const suffix = below && `/${below}`;
  return [`v1/customers/:customerId${suffix}`, `v1/partners/:partnerId/customers/:customerId${suffix}`];
}

/** The {@link IncomingCommand} of a command's request. */
export const Incoming = createParamDecorator((_: unknown, context: ExecutionContext): IncomingCommand => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { headers, requester } = request;
  const dryRun = isDryRun(request);
  const match = headers['if-match'];
  return {
    sending: sendings.get(context.getHandler())!,
    requester,
    ids: itemIds(request.params as Readonly<Record<string, string>>),
    key: dryRun ? undefined : idempotencyKey(headers['idempotency-key']),
    precondition: match === undefined ? undefined : ifMatch(match, representation),
    dryRun,
    instance: request.url.split('?', 1)[0]!,
    call: request.call,
  };
});

/** The ids in the path but for those of the pair. @throws Problem 400 */
export function itemIds(params: Readonly<Record<string, string>>): Record<string, string> {
  const ids: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (name === 'partnerId' || name === 'customerId') continue;
    if (!isItemId(value))
      throw badRequest(
        'InvalidPath',
        name,
        'must be an id of 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
      );
    ids[name] = normalItemId(value);
  }
  return ids;
}

/** @throws Problem 400 for any other parameter */
export function isDryRun(request: FastifyRequest): boolean {
  const query = request.query as Readonly<Record<string, unknown>>;
  for (const name in query) if (name !== 'dryRun') throw badRequest('InvalidQuery', name, 'is not known here');
  const { dryRun } = query;
  if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false')
    throw badRequest('InvalidQuery', 'dryRun', 'must be true or false');
  return dryRun === 'true';
}
