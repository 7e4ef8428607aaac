import { configuration, partnersIn, tokenKeyPath } from '#configuration';
import { StartupFailure } from '#program';
import { ledgerClients, LedgerUnreachable } from '#client';
import { bookOfBusiness } from '../book.js';
import { playBook, UnexpectedAnswer, type ClientOf } from '../play-book.js';
import { progressOf } from '../progress.js';
import { report } from '../report.js';
import { KeyMissing, tokensOf } from '../tokens.js';

/** How many commands are under way at a time. */
const inFlight = 16;

class NoServer extends Error {}

export interface DemoAsked {
  readonly customers: number;
  readonly seed: string;
  readonly url?: string | undefined;
  /** The day that the book's dates count back from; by default the day that the server's clock shows. */
  readonly today?: string | undefined;
}

/** Sends an invented book of business to a running server. */
export async function playDemo(asked: DemoAsked): Promise<void> {
  await send(asked).catch((error: unknown) => {
    console.error(explained(error));
    process.exitCode = 1;
  });
}

async function send({ seed, customers, url, today: given }: DemoAsked): Promise<void> {
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
  const known = [KeyMissing, NoServer, StartupFailure].some((kind) => error instanceof kind);
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
