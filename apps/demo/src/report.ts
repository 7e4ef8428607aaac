import type { Actor } from '#customer-relationship';
import { LedgerProblem, type LedgerClient } from '#client';
import type { ClientOf } from './play-book.js';
import type { CustomerStory } from './story.js';

/** Large pages, and time for the views to reach what was sent. */
const header = { Prefer: 'wait=20' };
const allThatWasSent = { params: { query: { limit: 200 }, header } };

/** What the views show of the book's partners, and two customers to try a removal on. */
export async function report(clientOf: ClientOf, book: readonly CustomerStory[], server: string): Promise<void> {
  const partners = [...new Set(book.map(({ partner }) => partner))];
  const readers = partners.map(({ tenantId }) => clientOf(readerOf(tenantId)));
  const everyRow = async <Row>(list: (ledger: LedgerClient) => AsyncIterable<Row>) =>
    (await Promise.all(readers.map((ledger) => rowsOf(list(ledger))))).flat();

  print(
    'Partners',
    counted(partners, ({ type, market }) => `${type} in ${market}`),
  );
  const ended = Map.groupBy(
    await everyRow((ledger) => ledger.items('/v1/ended-relationships', allThatWasSent)),
    ({ reestablished }) => reestablished,
  );
  print('Relationships', [
    ['active', (await everyRow((ledger) => ledger.items('/v1/customers', allThatWasSent))).length],
    ['of them re-established after a removal', ended.get(true)?.length ?? 0],
    ['removed', ended.get(false)?.length ?? 0],
  ]);
  print(
    'Items',
    counted(await everyRow((ledger) => ledger.items('/v1/items', allThatWasSent)), ({ item, kind, status }) =>
      [item, kind, status].filter(Boolean).join(' '),
    ),
  );
  print(
    'Delegated admin grants',
    counted(
      await everyRow((ledger) =>
        ledger.items('/v1/delegated-admin-grants', { params: { query: { limit: 200, status: 'all' }, header } }),
      ),
      ({ kind, status }) => `${kind} ${status}`,
    ),
  );
  await printRemovals(clientOf, book, server);
}

async function rowsOf<Row>(list: AsyncIterable<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of list) rows.push(row);
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

const readiness = '/v1/customers/{customerId}/reseller-relationship/removal-readiness';

/** One customer that can be removed now, and the one with the most blockers: each with a command line that shows it. */
async function printRemovals(clientOf: ClientOf, book: readonly CustomerStory[], server: string): Promise<void> {
  const asked = book.filter(({ title }) => ['ready to leave', 'would leave but cannot'].includes(title)).slice(0, 20);
  const answers = await Promise.all(
    asked.map(async (story) => {
      const path = { customerId: story.customer.id };
      try {
        const { data } = await clientOf(readerOf(story.partner.tenantId)).GET(readiness, { params: { path } });
        return [{ story, path: readiness.replace('{customerId}', path.customerId), readiness: data }];
      } catch (error) {
        // It was removed after an earlier run.
        if (error instanceof LedgerProblem) return [];
        throw error;
      }
    }),
  );
  const known = answers.flat().sort((a, b) => a.readiness.blockers.length - b.readiness.blockers.length);
  const removable = known.find(({ readiness }) => readiness.removable);
  const kept = known.findLast(({ readiness }) => !readiness.removable);

  if (removable) {
    const { story, path } = removable;
    console.log(`\n${story.customer.name} can be removed. What that would end, and what it would not:\n`);
    console.log(curl(server, path, story, ['Auditor']));
    console.log('\nTo remove it, with the ETag of what you have seen:\n');
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
