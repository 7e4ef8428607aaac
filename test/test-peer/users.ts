import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { identified, type CallContext, type Caller } from './call-context.js';
import { decodeRecordedEvent } from './recorded-event.js';

export interface PeerUser {
  password: string;
  fullName: string;
  groups: readonly string[];
  disabled: boolean;
}

/** By their names; the same for all nodes. */
export type Users = Map<string, PeerUser>;

/** `admin` and `ops` are in the groups that the server puts its first users into. */
export const usersOf = (passwords: Readonly<Record<string, string>>): Users =>
  new Map(
    Object.entries(passwords).map(([name, password]) => {
      const groups = name === 'admin' ? ['$admins'] : name === 'ops' ? ['$ops'] : [];
      return [name, { password, fullName: name, groups, disabled: false }];
    }),
  );

export type Deed = 'read' | 'write' | 'delete';

type Acl = Readonly<Record<string, string | readonly string[] | undefined>>;

/** As the server decides: by the metadata of the stream, else by the last event of `$settings`, else by what is built in. */
export function mayDo(context: CallContext, caller: Caller, deed: Deed, stream: string): boolean {
  if (!context.users || caller.isAdmin) return true;
  const { name } = caller;
  if (name === undefined) return false;
  // The metadata of a stream are a stream of their own, with the rights of the first.
  const ofMetadata = stream.startsWith('$$');
  const owner = ofMetadata ? stream.slice(2) : stream;
  const ofSystem = owner.startsWith('$');
  const own = lastOf(context, `$$${owner}`)?.['$acl'] as Acl | undefined;
  const inGeneral = lastOf(context, '$settings')?.[ofSystem ? '$systemStreamAcl' : '$userStreamAcl'] as Acl | undefined;
  const right = `$${ofMetadata ? 'm' : ''}${deed === 'read' ? 'r' : deed === 'delete' && !ofMetadata ? 'd' : 'w'}`;
  const roles = [own?.[right] ?? inGeneral?.[right] ?? (ofSystem ? '$admins' : '$all')].flat();
  return [name, '$all', ...(context.users.get(name)?.groups ?? [])].some((role) => roles.includes(role));
}

function lastOf({ log }: CallContext, stream: string): Readonly<Record<string, unknown>> | undefined {
  const last = log.stream(stream).at(-1);
  if (!last) return undefined;
  return JSON.parse(Buffer.from(decodeRecordedEvent(last.bytes).data).toString('utf8')) as Record<string, unknown>;
}

interface Sent {
  readonly loginName?: string;
  readonly fullName?: string;
  readonly password?: string;
  readonly groups?: readonly string[];
  readonly currentPassword?: string;
  readonly newPassword?: string;
}

/** What the HTTP API of the server (UsersController) answers; only the parts that are used here. */
export async function answerAboutUsers(
  context: CallContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, data?: object) =>
    response
      .writeHead(status, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ ...(data && { data }), success: status < 300 }));
  const { users } = context;
  // Without users everybody is admin, and there is none to name.
  if (!users) return void answer(404);
  const caller = identified(context, request.headers.authorization);
  if ('code' in caller || caller.name === undefined) return void answer(401);
  const [login = '', command, verb] = request.url!.slice('/users/'.length).split('/');
  const deed = `${request.method} ${command ? `${command}/${verb}` : ''}`.trim();
  if (login === '$current') return void answer(200, detailsOf(caller.name, users.get(caller.name)!));
  const sent = request.method === 'GET' ? {} : ((await json(request)) as Sent);
  const user = users.get(login);
  if (deed === 'POST command/change-password' && caller.name === login) {
    if (sent.currentPassword !== user!.password) return void answer(401);
    user!.password = sent.newPassword!;
    return void answer(200);
  }
  if (!caller.isAdmin) return void answer(401);
  if (deed === 'POST' && login === '') {
    const { loginName = '', fullName = '', password = '', groups = [] } = sent;
    if (users.has(loginName)) return void answer(409);
    users.set(loginName, { password, fullName, groups, disabled: false });
    return void answer(201);
  }
  if (!user) return void answer(404);
  if (deed === 'GET') return void answer(200, detailsOf(login, user));
  if (deed === 'PUT') Object.assign(user, { fullName: sent.fullName, groups: sent.groups });
  else if (deed === 'POST command/reset-password') user.password = sent.newPassword!;
  else return void answer(404);
  answer(200);
}

const detailsOf = (loginName: string, { fullName, groups, disabled }: PeerUser) => ({
  loginName,
  fullName,
  groups,
  disabled,
});
