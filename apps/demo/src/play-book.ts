import { clockCommands, rejections, type Actor, type CommandName, type RejectionCode } from '#customer-relationship';
import { LedgerProblem, type LedgerClient } from '#client';
import type { CustomerStory, Step } from './story.js';

/** The client that sends as one of the actors. */
export type ClientOf = (actor: Actor) => LedgerClient;

export interface Tally {
  accepted: number;
  /** Accepted before, by an earlier run of the same book. */
  replayed: number;
  refused: number;
}

/** The server's answer is not the one that the book expects. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
  constructor(
    story: CustomerStory,
    readonly step: Step,
    /** Absent where the command was accepted. */
    readonly problem: LedgerProblem | undefined,
  ) {
    const { type, data } = step.command;
    const answered = problem ? `${problem.status} ${JSON.stringify(problem.problem)}` : 'with its acceptance';
    const expected = step.refusedAs ? `a refusal as ${step.refusedAs}` : 'its acceptance';
    super(
      `${type} for "${story.customer.name}" (${story.title}) was answered ${answered}\n` +
        `instead of ${expected}; its data was ${JSON.stringify(data)}, its key ${step.idempotencyKey}`,
      { cause: problem },
    );
  }
}

/**
 * Sends the whole book: the commands of a story in their order, `inFlight` stories at the same time.
 * @throws UnexpectedAnswer, LedgerUnreachable
 */
export async function playBook(
  clientOf: ClientOf,
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
          const outcome = await playStep(clientOf, story, step, again);
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

/** `again`: an earlier run has sent this story already, so some refusals now have other codes. */
async function playStep(clientOf: ClientOf, story: CustomerStory, step: Step, again: boolean): Promise<keyof Tally> {
  const { command, by, idempotencyKey, refusedAs } = step;
  const { customer, partner } = story;
  const ledger = clientOf(by);
  try {
    const { response } = await ledger.send(command, {
      customerId: customer.id,
      ...(by.kind === 'customerUser' ? { partnerId: partner.tenantId } : {}),
      idempotencyKey,
      // A removal names the revision that its sender has seen, so the relationship is read just before.
      ...(command.type === 'RemoveResellerRelationship' ? { ifMatch: await tagOf(ledger, customer.id) } : {}),
    });
    if (refusedAs !== undefined) throw new UnexpectedAnswer(story, step, undefined);
    return response.headers.get('Idempotent-Replayed') === 'true' ? 'replayed' : 'accepted';
  } catch (error) {
    if (!(error instanceof LedgerProblem)) throw error;
    const { code } = error;
    // The timekeeper has recorded something since the relationship was read.
    if (code === 'PreconditionFailed') return playStep(clientOf, story, step, again);
    const asForeseen = refusedAs !== undefined && (again ? code in rejections : code === refusedAs);
    if (!asForeseen && !isDoneAlready(command.type, code)) throw new UnexpectedAnswer(story, step, error);
    return 'refused';
  }
}

/** The server's own timekeeper may have been quicker. */
function isDoneAlready(command: CommandName, code: string): boolean {
  return clockCommands.some((each) => each === command) && rejections[code as RejectionCode] === 'state';
}

async function tagOf(ledger: LedgerClient, customerId: string): Promise<string> {
  const path = '/v1/customers/{customerId}/reseller-relationship';
  const { response } = await ledger.GET(path, { params: { path: { customerId } } });
  return response.headers.get('ETag')!;
}
