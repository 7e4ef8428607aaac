import { parseArgs } from 'node:util';
import { configuration, partnersIn, tokenKeyPath } from '#configuration';
import { StartupFailure } from '#program';
import { ledgerClients, LedgerUnreachable } from '#client';
import { bookOfBusiness } from './book.js';
import { playBook, UnexpectedAnswer, type ClientOf } from './play-book.js';
import { progressOf } from './progress.js';
import { report } from './report.js';
import { KeyMissing, tokensOf } from './tokens.js';

const usage = `Sends an invented book of business to a running server.

  npm run demo -- [--customers 1000] [--seed 1] [--url http://127.0.0.1:3000] [--today YYYY-MM-DD]

The same seed makes the same book: a second run replays the first and changes nothing, and a longer one goes on from it.
Dates count back from --today, by default the day that the server's clock shows; they are part of the commands, so a run
on another day needs the --today of the first run, or another seed. Tokens are signed with the server's own key, found
by DATA_DIR or KEYS_DIR; partners are read from PARTNERS_FILE.`;

/** How many commands are under way at a time. */
const inFlight = 16;

class Misuse extends Error {}
class NoServer extends Error {}

async function main(): Promise<void> {
  const { seed, customers, url, today: given, help } = optionsOf(process.argv.slice(2));
  if (help) return console.log(usage);
  const { keysDirectory, partnersFile, port } = configuration(process.env);
  const server = url ?? `http://127.0.0.1:${port}`;
  const today = given ?? (await dayOf(server));
  const token = await tokensOf(tokenKeyPath(keysDirectory));
  const book = bookOfBusiness({ seed, customers, today, partners: [...partnersIn(partnersFile).values()] });
  const commands = book.reduce((sum, { steps }) => sum + steps.length, 0);
  console.log(
    `${customers} customers of seed ${seed}, ${commands} commands to ${server}; dates count back from ${today}` +
      (given ? '.' : " (the server's day; --today takes another)."),
  );

  let retries = 0;
  const clientWith = ledgerClients({ baseUrl: server, patienceMs: 30_000, onRetry: () => retries++ });
  const clientOf: ClientOf = (actor) => clientWith(() => token(actor));
  const progress = progressOf(commands);
  const startedAt = performance.now();
  const tally = await playBook(clientOf, book, { inFlight, onStep: progress.step }).finally(progress.stop);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${tally.accepted} accepted, ${tally.replayed} answered again from an earlier run, ${tally.refused} refused as foreseen, ` +
      `${retries} sent once more, in ${seconds.toFixed(1)} s (${Math.round(commands / seconds)} commands/s).`,
  );
  await report(clientOf, book, server);
}

function optionsOf(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        seed: { type: 'string', default: '1' },
        customers: { type: 'string', default: '1000' },
        url: { type: 'string' },
        today: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const customers = Number(values.customers);
    if (!Number.isInteger(customers) || customers < 1 || customers > 1_000_000)
      throw new Misuse('--customers takes a whole number from 1 to 1000000');
    if (!/^[\w.-]{1,40}$/.test(values.seed)) throw new Misuse('--seed takes 1 to 40 letters, digits, ".", "_" or "-"');
    if (values.today !== undefined && !isDay(values.today)) throw new Misuse('--today takes a day such as 2026-11-22');
    if (values.url !== undefined && !URL.canParse(values.url))
      throw new Misuse('--url takes a URL such as http://127.0.0.1:3000');
    return { ...values, customers, url: values.url?.replace(/\/+$/, '') };
  } catch (error) {
    throw new Misuse(`${(error as Error).message}\n\n${usage}`);
  }
}

function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00.000Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The day that the server's clock shows. */
async function dayOf(server: string): Promise<string> {
  const answer = await fetch(`${server}/health/live`).catch((error: unknown) => {
    const cause = (error as Error).cause as { code?: string; message?: string } | undefined;
    throw new NoServer(
      `Nothing answers at ${server} (${cause?.code ?? cause?.message ?? String(error)}). Start the server with "npm start", or name another with --url.`,
    );
  });
  const date = answer.headers.get('Date');
  if (date === null) throw new NoServer(`${server} does not say what time it is (no Date header): is it the ledger?`);
  return new Date(date).toISOString().slice(0, 10);
}

/** What went wrong in words, and what to do about it where that is known. */
function explained(error: unknown): string {
  if (error instanceof UnexpectedAnswer) return `${error.message}\n${adviceOn(error)}`;
  const known = [Misuse, KeyMissing, NoServer, StartupFailure].some((kind) => error instanceof kind);
  if (error instanceof LedgerUnreachable) return `${error.message}: ${reasonOf(error.cause)}`;
  return known ? (error as Error).message : String((error as Error).stack ?? error);
}

/** The reason of a failed `fetch` is its cause. An `AggregateError` of failed connections has no message, only a code. */
function reasonOf(error: unknown): string {
  const { message, code } = ((error as Error).cause ?? error) as Error & { readonly code?: string };
  return message || (code ?? String(error));
}

function adviceOn({ problem, step }: UnexpectedAnswer): string {
  const code = problem?.code;
  if (code === 'IdempotencyKeyReused')
    return 'This ledger holds the book of the same seed from another day: add the --today of that run, or another --seed.';
  if (code === 'InvalidToken')
    return 'The server does not trust this key: DATA_DIR and KEYS_DIR must be those of the running server.';
  if (code === 'PartnerUnknown')
    return 'The server knows other partners: PARTNERS_FILE must be the one that it has read.';
  if (code === step.refusedAs || code === 'EffectiveInFuture')
    return "The book's day must not lie in the future of the server's clock.";
  return 'The book is written for the policy partner-center-2026-11, and its windows for a first run on the day of --today.';
}

main().catch((error: unknown) => {
  console.error(explained(error));
  process.exitCode = 1;
});
