import { rejections } from '#customer-relationship';
import type { LedgerClient, Reply } from './ledger-client.js';
import { customerPath, requestOf } from './routes.js';
import type { CustomerStory, Step } from './story.js';

export interface Tally {
  accepted: number;
  /** Accepted before, by an earlier run of the same book. */
  replayed: number;
  refused: number;
}

/** The server has answered something that the book does not foresee. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
  constructor(
    story: CustomerStory,
    readonly step: Step,
    readonly reply: Reply,
  ) {
    const { type, data } = step.command;
    const expected = step.refusedAs ? `a refusal as ${step.refusedAs}` : 'its acceptance';
    super(
      `${type} for "${story.customer.name}" (${story.title}) was answered ${reply.status} ${JSON.stringify(reply.body)}\n` +
        `instead of ${expected}; it said ${JSON.stringify(data)} under the key ${step.idempotencyKey}`,
    );
  }
}

/**
 * Sends the whole book: every story in its order, so many stories at the same time.
 * @throws UnexpectedAnswer, ServerUnreachable
 */
export async function playBook(
  client: LedgerClient,
  stories: readonly CustomerStory[],
  { inFlight, onStep }: { readonly inFlight: number; readonly onStep: (tally: Readonly<Tally>) => void },
): Promise<Tally> {
  const tally: Tally = { accepted: 0, replayed: 0, refused: 0 };
  let failed = false;
  const waiting = stories.values();
  const reader = async () => {
    for (const story of waiting) {
      let again = false;
      for (const step of story.steps) {
        if (failed) return;
        try {
          const outcome = await playStep(client, story, step, again);
          again ||= outcome === 'replayed';
          tally[outcome]++;
        } catch (error) {
          failed = true;
          throw error;
        }
        onStep(tally);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, reader));
  return tally;
}

/** `again`: an earlier run has told this story already, so that some refusals now have other reasons than then. */
async function playStep(client: LedgerClient, story: CustomerStory, step: Step, again: boolean): Promise<keyof Tally> {
  const { command, by, idempotencyKey, refusedAs } = step;
  const { path, body } = requestOf(command);
  const customer = customerPath(by, story.partner.tenantId, story.customer.id);
  // Removing asks for what the remover has seen; the remover of a story looks right before.
  const seen =
    command.type === 'RemoveResellerRelationship'
      ? await client.get(by, `${customer}/reseller-relationship`)
      : undefined;
  const reply = await client.post(
    by,
    `${customer}${path}`,
    body,
    idempotencyKey,
    seen?.headers.get('ETag') ?? undefined,
  );
  if (refusedAs !== undefined) {
    const { code } = reply.body;
    const asForeseen = again ? typeof code === 'string' && code in rejections : code === refusedAs;
    if (reply.status < 400 || !asForeseen) throw new UnexpectedAnswer(story, step, reply);
    return 'refused';
  }
  if (reply.status !== 200 && reply.status !== 201) throw new UnexpectedAnswer(story, step, reply);
  return reply.headers.get('Idempotent-Replayed') === 'true' ? 'replayed' : 'accepted';
}
