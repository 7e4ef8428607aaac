import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';
import { patienceMs } from '../eventually.js';
import { globalAdminOf, newCustomer, northwind, runServer, type RunningServer } from '../http/running-server.js';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

(executablePath ? describe : describe.skip)('the docs page in a browser (needs chromium)', () => {
  let server: RunningServer;
  let browser: Browser;
  let page: Page;
  let token: string;
  const asked: string[] = [];
  const complaints: string[] = [];
  const customerId = newCustomer();

  beforeAll(async () => {
    server = await runServer({ env: { npm_lifecycle_event: 'start' } });
    browser = await chromium.launch({
      executablePath: executablePath!,
      timeout: patienceMs,
      // Chromium has no sandbox for root.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
    page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    page.on('request', (request) => asked.push(`${request.method()} ${request.url()} ${request.headers()['referer']}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    // Of the policy for its content, too.
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    const link = /http\S+#token=(\S+)/.exec(server.output())!;
    token = link[1]!;
    await page.goto(link[0]);
    await page.locator('.btn.authorize.locked').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.end();
  });

  const operation = (id: string) => page.locator(`[id="operations-${id}"]`);

  async function tryOut(id: string) {
    const at = operation(id);
    await at.locator('.opblock-summary-control').click();
    await at.locator('.try-out__btn').click();
    return at;
  }

  /** Tries it out with required fields alone. */
  async function execute(id: string, fields: Readonly<Record<string, string>> = {}) {
    const at = await tryOut(id);
    for (const [name, value] of Object.entries(fields))
      await at.locator(`tr[data-param-name="${name}"] input`).fill(value);
    await at.locator('.execute').click();
    const answer = at.locator('.live-responses-table tr.response');
    const status = await answer.locator('.response-col_status').innerText();
    const shown = {
      status: Number.parseInt(status, 10),
      text: await answer.locator('.response-col_description').innerText(),
      curl: await at.locator('.curl-command').innerText(),
    };
    await at.locator('.opblock-summary-control').click();
    return shown;
  }

  /** Through the dialog, as a person does. */
  async function authorize(as: string) {
    await page.locator('.auth-wrapper > .btn.authorize').click();
    const dialog = page.locator('.dialog-ux');
    await dialog.locator('.auth-btn-wrapper .btn', { hasText: 'Logout' }).click();
    await dialog.locator('.auth-container input').fill(as);
    await dialog.locator('.auth-btn-wrapper .btn', { hasText: 'Authorize' }).click();
    await dialog.locator('.auth-btn-wrapper .btn-done').click();
  }

  it('is signed in by the link, whose token goes nowhere', async () => {
    expect(page.url()).toBe(`${server.url}/docs`);
    expect(asked.filter((line) => line.includes(token))).toEqual([]);
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2);
    expect(await page.evaluate('JSON.stringify(localStorage)')).toBe('{}');
    await page.reload();
    await page.locator('.btn.authorize.locked').waitFor();
    expect(server.output().split(token).length).toBe(2);
  });

  it('fills no field that may be left empty', async () => {
    for (const id of ['items-listItems', 'reseller-relationship-removeResellerRelationship', 'events-followEvents']) {
      const at = await tryOut(id);
      const fields = at.locator('.parameters tr:not(:has(.parameter__name.required))').locator('input, select');
      expect(await fields.count()).toBeGreaterThan(3);
      for (const field of await fields.all()) expect([id, await field.inputValue()]).toEqual([id, '']);
      // As it was: the page remembers what is being tried out.
      await at.locator('.try-out__btn.cancel').click();
      await at.locator('.opblock-summary-control').click();
    }
  });

  it('finds operations by words, wherever they stand, and folds the twins otherwise', async () => {
    const twin = operation('twins-acceptResellerRelationship');
    const main = operation('reseller-relationship-acceptResellerRelationshipOfPartner');
    const other = operation('agreement-confirmCustomerAgreement');
    await main.waitFor();
    expect(await twin.count()).toBe(0);
    await page.locator('.operation-filter-input').fill('Accept relationship');
    await twin.waitFor();
    expect([await main.count(), await other.count()]).toEqual([1, 0]);
    await page.locator('.operation-filter-input').fill('');
    await other.waitFor();
    await page.locator('.opblock-tag[data-tag="twins"]').click();
    await twin.waitFor();
    // All of them, in view or not: the browser's own search finds them.
    expect(await page.locator('.opblock').count()).toBeGreaterThan(160);
    await page.locator('.opblock-tag[data-tag="twins"]').click();
    await twin.waitFor({ state: 'detached' });
  });

  it('leads a relationship from its request to its removal, with required fields alone', async () => {
    const ofCustomer = { customerId };
    const keys = new Set<string>();
    const command = async (id: string, status: number, fields: Readonly<Record<string, string>> = ofCustomer) => {
      const answer = await execute(id, fields);
      expect([id, answer.status, answer.text]).toEqual([id, status, answer.text]);
      keys.add(/Idempotency-Key: ([^']+)/.exec(answer.curl)![1]!);
      return answer;
    };
    await command('reseller-relationship-requestResellerRelationship', 200);
    await authorize(await server.tokenOf(globalAdminOf(customerId)));
    await command('reseller-relationship-acceptResellerRelationshipOfPartner', 200, {
      partnerId: northwind,
      customerId,
    });
    await authorize(token);
    await command('agreement-confirmCustomerAgreement', 200);
    await command('subscriptions-purchaseSubscription', 201);
    await command('software-purchaseSoftware', 201);
    await command('subscriptions-suspendSubscription', 200);
    await command('subscriptions-cancelSubscription', 200);
    await command('software-cancelSoftwarePurchase', 200);
    const readiness = await execute('reseller-relationship-getRemovalReadiness', ofCustomer);
    expect(readiness.text).toContain('"removable": true');
    // With the tag that the page has seen last.
    const removal = await command('reseller-relationship-removeResellerRelationship', 200);
    expect(removal.curl).toMatch(/If-Match: "/);
    const after = await execute('reseller-relationship-getRelationship', ofCustomer);
    expect(after.text).toContain('"status": "removed"');
    expect(keys.size).toBe(9);
    // A page of JSON, not a stream without an end.
    expect(await execute('events-followEvents')).toMatchObject({ status: 200 });
    expect(await execute('commands-sendCommands')).toMatchObject({ status: 200 });
  });

  it('breaks nothing that its policy forbids', () => {
    expect(complaints).toEqual([]);
  });
});
