import type { CommandName, Partner } from '#customer-relationship';
import { badRequest, Call, idempotencyKey, Problem, validated, type Caller } from '#http';
import { itemIds } from '../relationship-paths.js';
import { requesterOf } from '../requester.js';
import { commandNames, commandRoutes } from './command-routes.js';
import { preconditionIn } from './incoming-command.js';
import { SendCommand } from './send-command.js';

/** One command of a bulk, as it came in. */
export interface BulkItem {
  readonly index: number;
  readonly members: Readonly<Record<string, unknown>>;
  /** Undefined where the item names no command. */
  readonly command: CommandName | undefined;
  /** The path of the command on its own; without a command, the path of the bulk. */
  readonly instance: string;
  /** The pattern of that path. */
  readonly route: string | undefined;
  readonly call: Call;
  /**
   * Items of one lane keep their order. A lane is a customer's, so it serves all partners of that customer: this costs only
   * time.
   */
  readonly lane: string;
}

export const mostItems = 500;

const optionalOfItem = ['partnerId', 'idempotencyKey', 'ifMatch', 'ifNoneMatch', 'body'];
const ofEveryItem = ['command', 'customerId', ...optionalOfItem];

/** The items in the body of a bulk. @throws Problem 400 for any other body */
export function bulkItems(body: unknown, { correlationId, trace, caller }: Call): BulkItem[] {
  const { items, ...others } = (body ?? {}) as { readonly items?: unknown };
  for (const name in others) throw badRequest('InvalidBody', `/${name}`, 'is not known here');
  if (!Array.isArray(items) || items.length === 0 || items.length > mostItems)
    throw badRequest('InvalidBody', '/items', `must be a list of 1 to ${mostItems} commands`);
  return items.map((item: unknown, index) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw badRequest('InvalidBody', `/items/${index}`, 'must be an object');
    const members = withoutNulls(item as Readonly<Record<string, unknown>>);
    // Each item has its own correlation id, which starts with that of the bulk.
    const call = new Call(`${correlationId.slice(0, 60)}.${index}`, trace);
    call.caller = caller;
    const { partnerId, customerId } = members;
    const command = commandNames.find((name) => name === members['command']);
    const prefix = partnerId === undefined ? '/v1/customers' : `/v1/partners/:partnerId/customers`;
    const route = command && `${prefix}/:customerId/${commandRoutes[command].path}`;
    return {
      index,
      members,
      command,
      instance: route ? filled(route, members) : '/v1/commands',
      route,
      call,
      lane: shortText(customerId).toLowerCase(),
    };
  });
}

/** A null in an optional member stands for an absent one, as in a body. */
function withoutNulls(item: BulkItem['members']): BulkItem['members'] {
  return Object.fromEntries(
    Object.entries(item).filter(([name, value]) => value !== null || !optionalOfItem.includes(name)),
  );
}

/** The command of an item. Its checks are those of its own route, in the same order and with the same messages. */
export function commandOf(
  { index, members, command, instance, call }: BulkItem,
  dryRun: boolean,
  partners: ReadonlyMap<string, Partner>,
): SendCommand {
  if (!command) throw badRequest('InvalidBody', `/items/${index}/command`, 'must be the name of a command');
  const route = commandRoutes[command];
  const names = idsIn(route.path);
  for (const name in members)
    if (!ofEveryItem.includes(name) && !names.includes(name))
      throw badRequest('InvalidBody', `/items/${index}/${name.slice(0, 100)}`, 'is not known here');
  const path = text(members, ['customerId', ...('partnerId' in members ? ['partnerId'] : []), ...names]);
  const requester = requesterOf(call.caller as Caller, path, partners);
  call.partnerId = requester.partner.tenantId;
  const { idempotencyKey: key, ifMatch: match, ifNoneMatch: noneMatch, body } = members;
  const incoming = {
    command,
    route,
    requester,
    ids: itemIds(path),
    key: dryRun ? undefined : idempotencyKey(headerText('Idempotency-Key', key)),
    precondition: preconditionIn(headerText('If-Match', match), headerText('If-None-Match', noneMatch), requester),
    dryRun,
    instance,
    call,
  };
  const { value, errors } = validated(route.body, body ?? {});
  if (errors) throw new Problem('InvalidBody', { errors });
  return new SendCommand(incoming, value);
}

function idsIn(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
}

function filled(path: string, members: BulkItem['members']): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(shortText(members[name])));
}

function shortText(value: unknown): string {
  // JSON may hold a lone surrogate, and slice may leave one: encodeURIComponent throws for it.
  return typeof value === 'string' ? value.slice(0, 64).toWellFormed() : '';
}

function text(members: BulkItem['members'], names: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const value = members[name];
    if (typeof value !== 'string') throw badRequest('InvalidPath', name, 'must be there, as text');
    texts[name] = value;
  }
  return texts;
}

function headerText(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw badRequest('InvalidHeader', name, 'must be text');
}
