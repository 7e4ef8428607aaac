import type { Actor, RemovalReadiness } from '#customer-relationship';
import type { LedgerClient } from './ledger-client.js';
import type { CustomerStory } from './story.js';

type Row = Readonly<Record<string, unknown>>;

/** What the views show of the book's partners, and two customers to try a removal on. */
export async function report(client: LedgerClient, book: readonly CustomerStory[], server: string): Promise<void> {
  const partners = [...new Set(book.map(({ partner }) => partner))];
  const everything = async (path: string, query = '') =>
    (await Promise.all(partners.map(({ tenantId }) => everyRow(client, readerOf(tenantId), path, query)))).flat();

  print(
    'Partners',
    counted(partners, ({ type, market }) => `${type} in ${market}`),
  );
  const ended = Map.groupBy(await everything('/v1/ended-relationships'), ({ reestablished }) => reestablished === true);
  print('Relationships', [
    ['active', (await everything('/v1/customers')).length],
    ['of them re-established after a removal', ended.get(true)?.length ?? 0],
    ['removed', ended.get(false)?.length ?? 0],
  ]);
  print(
    'Items',
    counted(await everything('/v1/items'), ({ item, kind, status }) => [item, kind, status].filter(Boolean).join(' ')),
  );
  print(
    'Delegated admin grants',
    counted(
      await everything('/v1/delegated-admin-grants', '&status=all'),
      ({ kind, status }) => `${String(kind)} ${String(status)}`,
    ),
  );
  await printRemovals(client, book, server);
}

/** Every page of a list, as the views show it once they have taken in all that was sent. */
async function everyRow(client: LedgerClient, by: Actor, path: string, query: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let next: string | undefined = `${path}?limit=200${query}`; next !== undefined;) {
    const { status, headers, body } = await client.get(by, next, { upToDate: true });
    if (status !== 200) throw new Error(`GET ${next}: ${status} ${JSON.stringify(body)}`);
    rows.push(...(body['items'] as Row[]));
    next = /<([^>]+)>; rel="next"/.exec(headers.get('Link') ?? '')?.[1];
  }
  return rows;
}

function counted<T>(values: readonly T[], nameOf: (value: T) => string): [string, number][] {
  return [...Map.groupBy(values, nameOf)]
    .map(([name, { length }]) => [name, length] as [string, number])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function print(title: string, counts: readonly [string, number][]): void {
  const width = Math.max(...counts.map(([name]) => name.length));
  console.log(`\n${title}`);
  for (const [name, count] of counts) console.log(`  ${name.padEnd(width)} ${String(count).padStart(6)}`);
}

/** One customer that can be removed now and the one that most keeps, each with what to paste to see it. */
async function printRemovals(client: LedgerClient, book: readonly CustomerStory[], server: string): Promise<void> {
  const asked = book.filter(({ title }) => ['ready to leave', 'would leave but cannot'].includes(title)).slice(0, 20);
  const answers = await Promise.all(
    asked.map(async (story) => {
      const path = `/v1/customers/${story.customer.id}/reseller-relationship/removal-readiness`;
      const { status, body } = await client.get(readerOf(story.partner.tenantId), path);
      // Somebody has removed it since an earlier run.
      return status === 200 ? [{ story, path, readiness: body as unknown as RemovalReadiness }] : [];
    }),
  );
  const known = answers.flat().sort((a, b) => a.readiness.blockers.length - b.readiness.blockers.length);
  const removable = known.find(({ readiness }) => readiness.removable);
  const kept = known.findLast(({ readiness }) => !readiness.removable);

  if (removable) {
    const { story, path } = removable;
    console.log(`\n${story.customer.name} can be removed. What that would end, and what not:\n`);
    console.log(curl(server, path, story, ['Auditor']));
    console.log('\nTo remove it, as one who has seen it:\n');
    const relationship = `${server}/v1/customers/${story.customer.id}/reseller-relationship`;
    console.log(`  TOKEN=${tokenFor(story, ['GlobalAdmin'])}`);
    console.log(`  ETAG=$(curl -sS -o /dev/null -w '%header{etag}' -H "Authorization: Bearer $TOKEN" ${relationship})`);
    console.log(
      `  curl -sS -X POST -H "Authorization: Bearer $TOKEN" -H "If-Match: $ETAG" -H "Idempotency-Key: goodbye-1" ${relationship}/remove`,
    );
  }
  if (kept) {
    const { story, path, readiness } = kept;
    console.log(`\n${story.customer.name} cannot be removed:\n`);
    for (const { kind, displayName, itemId, remedy, earliestClearableAt } of readiness.blockers)
      console.log(
        `  ${kind.padEnd(30)} ${displayName} (${itemId}): ${remedy}${earliestClearableAt ? `, from ${earliestClearableAt} on` : ''}`,
      );
    console.log(`\n${curl(server, path, story, ['Auditor'])}`);
  }
}

function curl(server: string, path: string, story: CustomerStory, roles: readonly string[]): string {
  return `  curl -sS -H "Authorization: Bearer ${tokenFor(story, roles)}" ${server}${path}`;
}

function tokenFor({ partner }: CustomerStory, roles: readonly string[]): string {
  return `$(npm run -s token -- ${roles.map((role) => `--role ${role}`).join(' ')} --partner ${partner.tenantId})`;
}

function readerOf(partnerId: string): Actor {
  return { id: 'demo-reader', kind: 'partnerUser', roles: ['Auditor'], tenant: partnerId };
}
