// Writes the log that shared-keys.spec.ts opens, with the built server of a commit whose keys were one for all sides:
//   node test/earlier-log/record-shared-keys.mjs <folder of that commit, built> <where to write>
// The one that is here stays as it is, for it stands for what others have.
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [commit, target] = process.argv.slice(2).map((path) => resolve(path));
const { embeddedKey, signToken } = await import(join(commit, 'dist/libs/http/src/index.js'));
const data = join(mkdtempSync(join(tmpdir(), 'shared-keys-')), 'data');
const partner = 'a1a1a1a1-0001-4000-8000-000000000001';
const customer = 'e5e5e5e5-0001-4000-8000-000000000001';

const server = spawn(process.execPath, [join(commit, 'dist/apps/server/src/main.js')], {
  cwd: commit,
  env: { ...process.env, PORT: '0', DATA_DIR: data, PARTNERS_FILE: join(commit, 'partners.json') },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
server.stdout.on('data', (text) => (output += text));
const url = () => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
while (!url() || !(await fetch(`${url()}/health/ready`)).ok) await sleep(50);

const { signing } = await embeddedKey(join(data, 'keys/token-key.json'));
const sides = {
  partner: { tenant: partner, roles: ['GlobalAdmin', 'AdminAgent'], app: false, id: 'user-1' },
  program: { tenant: partner, roles: ['GlobalAdmin', 'AdminAgent'], app: true, id: 'robot' },
  customer: { tenant: customer, roles: ['CustomerGlobalAdmin'], app: false, id: 'customer-admin' },
};
const commands = [];
async function send(by, key, path, body = {}) {
  const base = by === 'customer' ? `/v1/partners/${partner}/customers/${customer}` : `/v1/customers/${customer}`;
  const response = await fetch(`${url()}${base}/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await signToken(signing, { ...sides[by], minutes: 10 })}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify(body),
  });
  const { status } = response;
  const answer = { status, location: response.headers.get('location'), body: await response.json() };
  commands.push({ as: sides[by], key, path: `${base}/${path}`, body, answer });
}

await send('partner', 'request', 'reseller-relationship/request', { customer: { name: 'Contoso' }, market: 'US' });
await send('customer', 'accept', 'reseller-relationship/accept');
await send('partner', 'confirm', 'agreement/confirm');
const grant = { grantId: 'help', name: 'Help', roles: ['f2ef992c-3afb-46b9-b7cf-a126ee74c451'], durationDays: 30 };
await send('partner', 'grant', 'delegated-admin', grant);
await send('partner', 'lock', 'delegated-admin/help/lock');
// What the customer takes of the keys that the partner counts through: by an acceptance, and by a refusal.
await send('customer', 'order-1', 'delegated-admin/help/approve');
await send('customer', 'order-2', 'reseller-relationship/accept');
await send('partner', 'order-1', 'profile/update', { name: 'Contoso Europe' });
await send('partner', 'order-2', 'profile/update', { name: 'Contoso Europe' });
// What the partner has used itself.
await send('partner', 'order-3', 'subscriptions', {
  subscriptionId: 'seats',
  kind: 'newCommerce',
  offerId: 'CFQ7TTC0LH18:0001',
  name: 'Business Basic',
  quantity: 5,
  termDuration: 'P1Y',
  provisioned: true,
});
await send('program', 'order-4', 'subscriptions/seats/quantity', { quantity: 7 });
await send('program', 'order-5', 'subscriptions/seats/reactivate');
await send('customer', 'order-3', 'reseller-relationship/accept');

server.kill('SIGTERM');
await once(server, 'exit');
mkdirSync(join(target, 'keys'), { recursive: true });
copyFileSync(join(data, 'events.sqlite'), join(target, 'events.sqlite'));
cpSync(join(data, 'keys'), join(target, 'keys'), { recursive: true });
copyFileSync(join(commit, 'partners.json'), join(target, 'partners.json'));
writeFileSync(join(target, 'commands.ndjson'), commands.map((one) => `${JSON.stringify(one)}\n`).join(''));
console.log(commands.map(({ key, answer }) => `${key} ${answer.status}`).join('\n'));
