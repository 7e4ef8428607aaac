import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { identified, type CallContext } from './call-context.js';
import type { PeerUser } from './rights.js';

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
