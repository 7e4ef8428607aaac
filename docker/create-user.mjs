import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { BACKWARDS, END, ErrorType, FORWARDS, jsonEvent, NO_STREAM, START } from '@eventstore/db-client';
import { clientOf } from '../dist/libs/event-store-kurrentdb/src/client.js';
import { connectionSettings } from '../dist/libs/event-store-kurrentdb/src/connection-string.js';

// node docker/create-user.mjs [--alone] [--patience SECONDS]
// Gives the ledger a user of its own in KurrentDB (EventStoreDB), so that no server knows the password of an administrator. It
// reads LEDGER_EVENT_STORE_URL, which names that user and its password, KURRENTDB_ADMIN_PASSWORD and KURRENTDB_OPS_PASSWORD. What
// is as it should be is left alone, so it may run before every start: it also mends what was changed by hand, such as a group
// that the user was put into, and sets a new password.
//
// The user is in no group, reads $all, and with --alone it and administrators are the only ones who may use other streams; it
// may not delete them or write their metadata. Leave --alone out where other applications share the database.
//
// Users go over the HTTP API (https://docs.kurrent.io/server/v26.0/security/user-authentication), because this client has no
// calls for them; rights go over gRPC, because the HTTP API of streams is off by default.

const everybodyKnows = 'changeit';
const fullName = 'Reseller Ledger';

/** What waiting does not mend. */
class Refused extends Error {}

const { alone, patience } = orEnd(
  () =>
    parseArgs({
      options: { alone: { type: 'boolean', default: false }, patience: { type: 'string', default: '120' } },
    }).values,
);

function passwordOf(name) {
  const password = process.env[name];
  if (!password) throw new Refused(`${name} is missing.`);
  if (password === everybodyKnows) throw new Refused(`${name} is the one that everybody knows. Choose another.`);
  return password;
}

function configured() {
  const url = process.env.LEDGER_EVENT_STORE_URL;
  if (!url) throw new Refused('LEDGER_EVENT_STORE_URL is missing: where the database is, and the user to create.');
  const settings = connectionSettings(url, true);
  if (!settings.tls) throw new Refused('Without TLS the database knows no users: there is none to create.');
  if (!settings.credentials) throw new Refused('LEDGER_EVENT_STORE_URL names no user to create.');
  const user = { login: settings.credentials.username, password: settings.credentials.password };
  if (!/^[a-z][a-z0-9_-]{0,62}$/.test(user.login) || ['admin', 'ops'].includes(user.login))
    throw new Refused('LEDGER_EVENT_STORE_URL must name a user of its own, in small letters: not admin, not ops.');
  const admin = { login: 'admin', password: passwordOf('KURRENTDB_ADMIN_PASSWORD') };
  const ops = { login: 'ops', password: passwordOf('KURRENTDB_OPS_PASSWORD') };
  const passwords = new Set([user, admin, ops].map(({ password }) => password));
  if (passwords.size < 3 || passwords.has(everybodyKnows))
    throw new Refused(
      'admin, ops and the user of the ledger must have a password each, and none that everybody knows.',
    );
  return { settings, user, admin, ops };
}

const { settings, user, admin, ops } = orEnd(configured);

function orEnd(configure) {
  try {
    return configure();
  } catch (error) {
    console.error(error.message);
    return process.exit(78);
  }
}

/** Asks the nodes in turn; one that is no leader passes the question on to it. */
async function ask(path, as, method = 'GET', body = undefined) {
  let failure;
  for (const { address, port } of settings.endpoints)
    try {
      return await askNode(address, port, path, as, method, body);
    } catch (error) {
      failure = error;
    }
  throw failure;
}

function askNode(address, port, path, { login, password }, method, body) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const asked = request(
    {
      host: address,
      port,
      path,
      method,
      auth: `${login}:${password}`,
      headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
      timeout: 10_000,
      agent: false,
      ...(settings.rootCertificate && { ca: settings.rootCertificate }),
    },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => (text += piece));
      response.on('error', reject);
      response.on('end', () => {
        // Not ready yet, no leader, busy: another node, or a while later.
        if (response.statusCode === 408 || response.statusCode === 307 || response.statusCode >= 500)
          reject(new Error(`${address}:${port} answers ${response.statusCode} to ${method} ${path}`));
        else resolve({ status: response.statusCode, text });
      });
    },
  );
  asked.on('timeout', () => asked.destroy(new Error(`${address}:${port} does not answer`)));
  asked.on('error', (error) => reject(new Error(`${address}:${port}: ${error.message || error.code}`)));
  asked.end(body && JSON.stringify(body));
  return promise;
}

async function done(what, path, method, body, accepted = [200]) {
  const { status } = await ask(path, admin, method, body);
  if (!accepted.includes(status)) throw new Error(`${what}: the database answers ${status} to ${method} ${path}`);
  console.log(what);
}

const signsIn = async (as) => (await ask('/users/$current', as)).status === 200;

/** Images that know nothing of first passwords start with one that everybody knows. It goes before anything else is done. */
async function changeKnownPasswords() {
  const known = { ...admin, password: everybodyKnows };
  if (!(await signsIn(admin))) {
    // Also while the database has not written its first users yet.
    if (!(await signsIn(known))) throw new Error('the database refuses the password of KURRENTDB_ADMIN_PASSWORD');
    const { status } = await ask('/users/admin/command/change-password', known, 'POST', {
      currentPassword: everybodyKnows,
      newPassword: admin.password,
    });
    if (status !== 200) throw new Error(`the password of admin was not changed: the database answers ${status}`);
    console.log('the password of admin was the one that everybody knows, and is changed');
  }
  if (await signsIn({ ...ops, password: everybodyKnows }))
    await done('the password of ops was the one that everybody knows, and is changed', resetOf(ops), 'POST', {
      newPassword: ops.password,
    });
}

const resetOf = ({ login }) => `/users/${login}/command/reset-password`;

async function createUser() {
  const { login, password } = user;
  const { status, text } = await ask(`/users/${login}`, admin);
  if (status === 404)
    // 409: another run was faster.
    return done(
      `the user ${login} is created`,
      '/users/',
      'POST',
      { loginName: login, fullName, password, groups: [] },
      [201, 409],
    );
  if (status !== 200) throw new Error(`the database answers ${status} to GET /users/${login}`);
  const { data } = JSON.parse(text);
  if (data.disabled) throw new Refused(`The user ${login} has been disabled. An administrator must enable it.`);
  if (data.groups?.length > 0)
    await done(`the user ${login} is taken out of its groups`, `/users/${login}`, 'PUT', { fullName, groups: [] });
  if (!(await signsIn(user)))
    await done(`the user ${login} has a new password`, resetOf(user), 'POST', { newPassword: password });
}

const rolesIn = (roles) => (roles === undefined ? [] : [roles].flat());

async function giveRights() {
  const client = clientOf({ ...settings, credentials: { username: admin.login, password: admin.password } }, () => {});
  try {
    // By the metadata of $all; without any, administrators alone may read it.
    await change(client, '$$$all', '$metadata', (data) => {
      const readers = rolesIn(data.$acl?.$r);
      if (readers.includes(user.login)) return data;
      return { ...data, $acl: { ...data.$acl, $r: [...new Set(['$admins', ...readers, user.login])] } };
    });
    // By the default rights in streams whose names do not begin with $.
    const both = ['$admins', user.login];
    const closed = { $r: both, $w: both, $d: '$admins', $mr: both, $mw: '$admins' };
    if (alone) await change(client, '$settings', '$settings', (data) => ({ ...data, $userStreamAcl: closed }));
  } finally {
    await client.dispose();
  }
}

/** Of these streams the last event counts, as a whole: what else it says is kept. */
async function change(client, stream, type, changed) {
  const { revision, data } = await lastOf(client, stream);
  const wanted = changed(data);
  if (isDeepStrictEqual(wanted, data)) return;
  await client.appendToStream(stream, jsonEvent({ type, data: wanted }), { expectedRevision: revision });
  console.log(`the rights in ${stream} are changed`);
}

async function lastOf(client, stream) {
  try {
    for await (const { event } of client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 }))
      return { revision: Number(event.revision), data: event.data };
  } catch (error) {
    if (error.type !== ErrorType.STREAM_NOT_FOUND) throw error;
  }
  return { revision: NO_STREAM, data: {} };
}

/** As the server will do. */
async function tryRights() {
  const client = clientOf(settings, () => {});
  try {
    await client.readAll({ direction: FORWARDS, fromPosition: START, maxCount: 1 }).toArray();
  } finally {
    await client.dispose();
  }
}

async function settle() {
  await changeKnownPasswords();
  await createUser();
  await giveRights();
  await tryRights();
}

async function run() {
  const end = Date.now() + Number(patience) * 1_000;
  for (let said; ; await sleep(1_000))
    try {
      await settle();
      return console.log(`The user ${user.login} is as it should be.`);
    } catch (error) {
      if (error instanceof Refused || Date.now() >= end) throw error;
      // Nothing that it does is harmed by doing it again.
      if (error.message !== said) console.error(`waiting: ${(said = error.message)}`);
    }
}

run().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
