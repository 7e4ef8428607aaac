// Writes the log that earlier-log.spec.ts opens, with the built server of the commit that is to be remembered:
//   node test/earlier-log/record.mjs <folder of that commit, built> <where to write>
// It sends commands over HTTP under one policy and then under another, asks questions, and keeps the log, the keys and every answer.
// Run it for a new log only: one that is here stays as it is, for it stands for what others have.
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [commit, target] = process.argv.slice(2).map((path) => resolve(path));
const { embeddedKey, signToken } = await import(join(commit, 'dist/libs/http/src/index.js'));

const directory = mkdtempSync(join(tmpdir(), 'earlier-log-'));
const data = join(directory, 'data');
const northwind = 'a1a1a1a1-0001-4000-8000-000000000001';
const greatLakes = 'b2b2b2b2-0001-4000-8000-000000000001';
const harbor = 'c3c3c3c3-0001-4000-8000-000000000001';
const [first, second, third, fourth] = [1, 2, 3, 4].map((n) => `e5e5e5e5-000${n}-4000-8000-00000000000${n}`);
const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
const group = '0f1f2f3f-0001-4000-8000-000000000001';

async function serve(policy) {
  const child = spawn(process.execPath, [join(commit, 'dist/apps/server/src/main.js')], {
    cwd: commit,
    env: {
      ...process.env,
      PORT: '0',
      METRICS_PORT: '',
      DATA_DIR: data,
      POLICY: policy,
      LOG_LEVEL: 'info',
      PARTNERS_FILE: join(commit, 'partners.json'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const url = await new Promise((found, failed) => {
    child.once('exit', () => failed(new Error(output)));
    child.stdout.on('data', (text) => {
      output += text;
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      if (match) found(match[0]);
    });
  });
  while (!(await fetch(`${url}/health/ready`)).ok) await sleep(50);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

let server = await serve('partner-center-2020-06');
const { signing } = await embeddedKey(join(data, 'keys/token-key.json'));
const commands = [];
const questions = [];

async function ask(path, { as, headers = {}, method = 'GET', body } = {}) {
  const who = { tenant: northwind, roles: ['GlobalAdmin', 'AdminAgent'], app: false, id: 'user-1', ...as };
  const token = await signToken(signing, { ...who, minutes: 10 });
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      prefer: 'wait=60',
      ...headers,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { as: who, status: response.status, headers: response.headers, body: await response.json() };
}

/** Sends a command, which is sent again to the later server, under the same key. */
async function send(path, body = {}, { as, ifMatch } = {}) {
  const headers = { 'idempotency-key': `key-${commands.length + 1}`, ...(ifMatch ? { 'if-match': ifMatch } : {}) };
  const answer = await ask(path, { as, headers, method: 'POST', body });
  commands.push({ as: answer.as, path, headers, body, answer: { status: answer.status, body: answer.body } });
  // So that no two commands are of one millisecond: a time names one of them.
  await sleep(5);
  return answer;
}

/** Asks a question whose answer is about a moment of the past, so that it is the same for ever. */
async function remember(path, as) {
  const answer = await ask(path, { as });
  questions.push({ as: answer.as, path, answer: { status: answer.status, body: answer.body } });
  return answer;
}

const customer = (id) => ({ tenant: id, roles: ['CustomerGlobalAdmin'], id: 'customer-admin' });
const of = (id) => `/v1/customers/${id}`;
const byCustomer = (partner, id) => `/v1/partners/${partner}/customers/${id}`;
async function establish(id, { as, partner = northwind, ...request } = {}) {
  await send(
    `${of(id)}/reseller-relationship/request`,
    { customer: { name: 'Contoso', domain: 'contoso.example' }, market: 'US', ...request },
    { as },
  );
  await send(`${byCustomer(partner, id)}/reseller-relationship/accept`, {}, { as: customer(id) });
  await send(`${of(id)}/agreement/confirm`, {}, { as });
}
const subscription = (subscriptionId, more) => ({
  subscriptionId,
  kind: 'newCommerce',
  offerId: 'CFQ7TTC0LH18:0001',
  name: 'Business Basic',
  quantity: 5,
  termDuration: 'P1Y',
  provisioned: true,
  ...more,
});
async function remove(id, as) {
  const { headers } = await ask(`${of(id)}/reseller-relationship`, { as });
  return send(`${of(id)}/reseller-relationship/remove`, { noticeGiven: true }, { as, ifMatch: headers.get('etag') });
}

// Under the policy of June 2020: a whole life, with refusals.
await establish(first);
const s = `${of(first)}/subscriptions`;
await send(
  s,
  subscription('nce', {
    comment: 'As agreed on the phone',
    billingCycle: 'monthly',
    price: { minorUnits: 1250, currency: 'USD' },
  }),
);
await send(s, subscription('seats', { kind: 'legacy' }));
await send(s, subscription('extra', { kind: 'legacy', baseSubscriptionId: 'seats' }));
await send(s, subscription('trial', { trial: true }));
await send(s, subscription('market', { kind: 'marketplace', termDuration: 'P1M' }));
await send(s, {
  subscriptionId: 'azure',
  kind: 'azurePlan',
  offerId: 'DZH318Z0BPS6:0001',
  name: 'Azure plan',
  quantity: 1,
});
await send(`${s}/azure/activate`);
await send(`${s}/azure/azure-subscriptions`, { azureSubscriptionId: 'production', name: 'Production' });
await send(`${s}/nce/quantity`, { quantity: 7 });
await send(`${s}/nce/schedule-change`, { change: { quantity: 9 }, billingCycle: 'annual' });
await send(`${s}/nce/auto-renew`, { autoRenew: true });
await send(`${s}/nce/auto-renew`, { autoRenew: false });
await send(`${s}/seats/support-contact/withdraw`);
await send(`${s}/seats/support-contact/assign`, {
  contact: { tenantId: northwind, partnerId: '4000001', name: 'Northwind Cloud (direct bill, US)' },
});
await send(`${s}/trial/suspend`, { reason: 'customerRequest' });
await send(`${s}/seats/suspend`, { reason: 'nonPayment', comment: 'Two invoices open' });
await send(`${s}/seats/reactivate`);
await send(`${s}/extra/reactivate`);
await send(`${s}/market/cancel`);
await send(`${s}/azure/suspend`, { reason: 'customerRequest' });
await send(`${s}/azure/azure-subscriptions/production/cancel`, { reason: 'other' });
await send(`${s}/azure/azure-subscriptions/production/cancel`, { reason: 'compromise' });
const ri = `${of(first)}/reservations`;
const reservation = (reservationId, commitmentUsdCents) => ({
  reservationId,
  name: 'Servers',
  product: 'virtualMachine',
  quantity: 1,
  termDuration: 'P3Y',
  commitmentUsdCents,
});
await send(ri, reservation('ri-1', 1_000_000));
await send(ri, reservation('ri-2', 4_000_001));
await send(`${ri}/ri-1/cancel`);
await send(`${ri}/ri-2/cancel`);
await send(`${ri}/ri-1/refuse-cancellation`, { reason: 'Not now' });
await send(`${ri}/ri-2/cancel`);
await send(`${ri}/ri-2/confirm-cancellation`, { refund: { minorUnits: 100, currency: 'USD' } });
await send(`${of(first)}/software`, {
  purchaseId: 'sw-1',
  kind: 'perpetual',
  publisher: 'microsoft',
  name: 'Servers',
  lineItems: [
    { lineItemId: 'l1', name: 'Windows Server', quantity: 1 },
    { lineItemId: 'l2', name: 'SQL Server', quantity: 1 },
  ],
});
await send(`${of(first)}/software/sw-1/cancel`, { lineItemIds: ['l1'] });
await send(`${of(first)}/savings-plans`, {
  savingsPlanId: 'sp-1',
  name: 'Compute',
  termDuration: 'P3Y',
  hourlyCommitment: { minorUnits: 150, currency: 'USD' },
});
await send(`${of(first)}/savings-plans/sp-1/cancel`);
const grants = `${of(first)}/delegated-admin`;
await send(`${grants}/record-legacy`, { grantId: 'dap', effectiveAt: '2022-05-01T00:00:00Z' });
await send(grants, { grantId: 'help', name: 'Help desk', roles: [role], durationDays: 730 });
await send(grants, { grantId: 'again', name: 'help desk', roles: [role], durationDays: 30 });
await send(`${grants}/help/update`, { durationDays: 365 });
await send(`${grants}/help/lock`);
await send(`${byCustomer(northwind, first)}/delegated-admin/help/approve`, {}, { as: customer(first) });
await send(`${grants}/help/access-assignments`, { assignmentId: 'a-1', groupId: group, roles: [role] });
await send(`${of(first)}/profile/update`, { name: 'Contoso Europe' });
await remove(first);
await send(`${of(first)}/reseller-relationship/remove`, {}, { as: { roles: ['SalesAgent'] }, ifMatch: '*' });

// A provider's customer with a reseller, and what was asked for and not granted.
const provider = { tenant: greatLakes };
await establish(second, { as: provider, partner: greatLakes, indirectResellerId: harbor });
await send(`${of(second)}/subscriptions`, subscription('nce'), { as: provider });
await send(`${of(second)}/subscriptions/nce/suspend`, { reason: 'migration' }, { as: provider });
await send(`${of(third)}/reseller-relationship/request`, { customer: { name: 'Adatum' }, market: 'US' });
await send(`${byCustomer(northwind, third)}/reseller-relationship/decline`, {}, { as: customer(third) });
await send(`${of(third)}/reseller-relationship/request`, { customer: { name: 'Adatum' }, market: 'DE' });
await send(`${of(third)}/reseller-relationship/request`, { customer: { name: 'Adatum' }, market: 'US' });
await send(`${of(third)}/reseller-relationship/withdraw`);
const before = await send(`${of(second)}/profile/update`, { name: 'Fabrikam' }, { as: provider });
const underTheFirst = before.body.position;

// Under the later one what is suspended blocks, and a Sales agent may remove.
await server.stop();
server = await serve('partner-center-later');
await remove(second, provider);
await establish(fourth);
await send(`${of(fourth)}/subscriptions`, subscription('nce'));
await send(`${of(fourth)}/subscriptions/nce/cancel`);
await remove(fourth, { roles: ['SalesAgent'] });
const after = await send(`${of(first)}/profile/update`, { name: 'Contoso' });
const underTheSecond = after.body.position;

// Every question is about a moment that is over.
for (const position of [underTheFirst, underTheSecond]) {
  const at = `asOfPosition=${position}`;
  for (const [id, as] of [[first], [second, provider], [third], [fourth]]) {
    for (const path of ['reseller-relationship', 'reseller-relationship/removal-readiness'])
      await remember(`${of(id)}/${path}?${at}`, as);
    for (const view of ['customer-list', 'support-contacts', 'ended-relationships'])
      await remember(`${of(id)}/explanations/${view}?${at}`, as);
    await remember(`${of(id)}/items?${at}`, as);
    await remember(`${of(id)}/support-contacts?${at}`, as);
    await remember(`${of(id)}/delegated-admin?${at}`, as);
  }
  for (const list of ['customers', 'items', 'support-contacts', 'delegated-admin-grants', 'ended-relationships'])
    for (const as of [undefined, provider]) await remember(`/v1/${list}?${at}&limit=100`, as);
  for (const item of ['nce', 'seats', 'extra', 'trial', 'market', 'azure']) {
    await remember(`${s}/${item}?${at}`);
    await remember(`${of(first)}/explanations/items/subscription/${item}?${at}`);
  }
  await remember(`${s}/azure/azure-subscriptions/production?${at}`);
  for (const item of ['ri-1', 'ri-2']) await remember(`${ri}/${item}?${at}`);
  await remember(`${of(first)}/software/sw-1?${at}`);
  await remember(`${of(first)}/savings-plans/sp-1?${at}`);
  for (const grant of ['dap', 'help']) {
    await remember(`${grants}/${grant}?${at}`);
    await remember(`${of(first)}/explanations/delegated-admin-grants/${grant}?${at}`);
  }
  await remember(`${grants}/help/access-assignments/a-1?${at}`);
}
for (const [id, as] of [[first], [second, provider], [third], [fourth]])
  await remember(`${of(id)}/events?limit=200`, as);
for (let revision = 0; revision < 60; revision += 7) {
  await remember(`${of(first)}/reseller-relationship?asOfRevision=${revision}`);
  await remember(`${of(first)}/reseller-relationship/removal-readiness?asOfRevision=${revision}`);
}

await server.stop();
mkdirSync(join(target, 'keys'), { recursive: true });
copyFileSync(join(data, 'events.sqlite'), join(target, 'events.sqlite'));
cpSync(join(data, 'keys'), join(target, 'keys'), { recursive: true });
copyFileSync(join(commit, 'partners.json'), join(target, 'partners.json'));
for (const [name, sent] of Object.entries({ commands, questions }))
  writeFileSync(join(target, `${name}.ndjson`), sent.map((one) => `${JSON.stringify(one)}\n`).join(''));
const count = (of) =>
  Object.entries(Object.groupBy(of, ({ answer }) => answer.status)).map(
    ([status, { length }]) => `${length} × ${status}`,
  );
console.log('commands:', ...count(commands), 'questions:', ...count(questions));
