import type { EventLog } from './log.js';
import { decodeRecordedEvent } from './recorded-event.js';

/** Who calls; without users every caller is admin, as on an insecure server. */
export interface Caller {
  readonly name: string | undefined;
  readonly isAdmin: boolean;
}

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

/** What rights are decided by. */
interface Rights {
  readonly log: EventLog;
  readonly users: Users | undefined;
}

/** As the server decides: by the metadata of the stream, else by the last event of `$settings`, else by what is built in. */
export function mayDo(context: Rights, caller: Caller, deed: Deed, stream: string): boolean {
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

function lastOf({ log }: Rights, stream: string): Readonly<Record<string, unknown>> | undefined {
  const last = log.stream(stream).at(-1);
  if (!last) return undefined;
  return JSON.parse(Buffer.from(decodeRecordedEvent(last.bytes).data).toString('utf8')) as Record<string, unknown>;
}
