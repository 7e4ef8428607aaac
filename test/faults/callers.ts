import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandRequest, type Command } from '#client';
import type { Actor } from '#customer-relationship';
import { idOf, type EventStore, type RecordedEvent } from '#event-sourcing';
import { admin, partner } from '../../bench/histories.js';

// Callers who send commands without a pause, to one server or to several, and ask again under the same key by the rules of
// the contract until they are answered: commands that are accepted, commands that the state refuses, and commands that
// may meet either. Later they ask again at any time, at any server, and every answer must equal the first.

const callers = 32;
const relationships = 8;
/** One step in this many sends an earlier command again. */
const asksAgainEvery = 3;
/** One attempt in this many is abandoned, and its command goes to another server while the first may still be deciding. */
const abandonsEvery = 40;

/** Everything of an answer that must be the same in every answer to a key. */
interface Definite {
  readonly status: number;
  readonly contentType: string | null;
  readonly etag: string | null;
  readonly location: string | null;
  readonly ledgerPosition: string | null;
  /** Of the bytes of the body. */
  readonly digest: string;
}

/** One command and the answers that its sender got, over all attempts. */
export interface AnsweredCommand {
  readonly commandId: string;
  readonly command: string;
  /** The first answer that was definite, and what it said. */
  first: Definite;
  said: Said;
  /** When the first definite answer came, in milliseconds of the process. */
  readonly toldAt: number;
  /** When, in milliseconds of the process, an acceptance was answered. */
  acceptedAt: number | undefined;
  /** A refusal was answered too, or before: another server had recorded it in the same race. */
  overtaken: boolean;
  /** Acceptances and refusals that were answered as new. */
  fresh: { accepted: number; refused: number };
  /** The first answer that came was a replay: the answer before it was lost on its way to the caller. */
  readonly firstWasReplay: boolean;
}

/** The fields of a body that are compared with the log. */
interface Said {
  readonly revision?: number;
  readonly position?: string;
  readonly events?: readonly string[];
  readonly code?: string;
  readonly correlationId?: string;
}

export interface CallersCounts {
  /** Definite answers. */
  answers: number;
  /** Attempts without an answer: the connection was lost, or the caller gave up waiting. */
  unanswered: number;
  /** Attempts that were answered with `retryable: true`. */
  undecided: number;
}

export interface Callers {
  /** By the command id that a key stands for. */
  readonly answered: ReadonlyMap<string, AnsweredCommand>;
  /** Answers that differ from the first, doubled ones, and statuses that nothing explains. */
  readonly differences: readonly string[];
  readonly counts: Readonly<CallersCounts>;
  /** The longest that one of them has waited for a definite answer, in milliseconds. */
  readonly longestWait: () => number;
  /** The relationships that all of them work on, asked for, accepted, agreed to, and with seats to change. */
  readonly establish: () => Promise<void>;
  /** All of them at work until `rest` is called; a caller in the middle of a command waits for its answer. */
  readonly work: () => { readonly rest: () => Promise<void>; readonly working: Promise<unknown> };
  /** Stops waiting for answers, where no server is left to give them. */
  readonly giveUp: () => void;
  /** Every command once more at every server: all of them must say the same, as replays. */
  readonly askAll: () => Promise<void>;
}

export interface CallersOptions {
  readonly urls: readonly string[];
  readonly token: (actor: Actor) => Promise<string>;
  /** How long one command is tried, in milliseconds. */
  readonly patienceMs?: number;
}

interface Sending {
  readonly commandId: string;
  readonly command: string;
  readonly by: Actor;
  readonly path: string;
  readonly body: string;
  readonly key: string;
  readonly ifMatch: string | undefined;
}

interface Attempted {
  readonly definite: Definite;
  readonly replayed: boolean;
  readonly text: string;
  readonly beganAt: number;
}

export function callersOf({ urls, token, patienceMs = 60_000 }: CallersOptions): Callers {
  const answered = new Map<string, AnsweredCommand>();
  const sent: Sending[] = [];
  /** When each attempt began, by the correlation id that it named: answers and the log show which attempt was decided. */
  const begun = new Map<string, number>();
  const differences: string[] = [];
  const counts: CallersCounts = { answers: 0, unanswered: 0, undecided: 0 };
  const customers = Array.from({ length: relationships }, (_, index) => idFrom(`customer ${index}`));
  let turns = 0;
  let longestWait = 0;
  let givenUp = false;

  /** One attempt at one server; undefined when there is no definite answer yet, after the wait that it asks for. */
  async function attempt(
    url: string,
    { by, path, body, key, ifMatch }: Sending,
    abandonAfterMs?: number,
  ): Promise<Attempted | undefined> {
    const beganAt = performance.now();
    const correlationId = randomUUID();
    begun.set(correlationId, beganAt);
    try {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        body,
        headers: {
          Authorization: `Bearer ${await token(by)}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': key,
          'X-Correlation-Id': correlationId,
          ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
        },
        signal: AbortSignal.timeout(abandonAfterMs ?? 30_000),
      });
      const text = await response.text();
      const { status, headers } = response;
      if (isUndecided(text)) {
        counts.undecided++;
        await sleep(1_000 * Number(headers.get('Retry-After') ?? 0));
        return undefined;
      }
      counts.answers++;
      const definite = {
        status,
        contentType: headers.get('Content-Type'),
        etag: headers.get('ETag'),
        location: headers.get('Location'),
        ledgerPosition: headers.get('Ledger-Position'),
        digest: createHash('sha256').update(text).digest('hex'),
      };
      return { definite, replayed: headers.get('Idempotent-Replayed') === 'true', text, beganAt };
    } catch (error) {
      // `fetch` fails only where there was no answer; by name, for errors of another realm.
      if (!['TypeError', 'TimeoutError', 'AbortError'].includes((error as Error).name)) throw error;
      counts.unanswered++;
      return undefined;
    }
  }

  /** By the rules: the same key until there is a definite answer, beginning at one server and going on at any. */
  async function ask(sending: Sending, first: string, { onlyThere = false } = {}): Promise<void> {
    const beganAt = performance.now();
    for (let url = first, waitMs = 20; ; url = onlyThere ? first : any(urls)) {
      const abandoned = !onlyThere && Math.random() * abandonsEvery < 1 ? Math.ceil(Math.random() * 20) : undefined;
      const attempted = await attempt(url, sending, abandoned);
      const waited = performance.now() - beganAt;
      longestWait = Math.max(longestWait, waited);
      if (attempted) return note(sending, attempted);
      if (givenUp || waited > patienceMs)
        throw new Error(`${sending.command} was not answered in ${Math.round(waited)} ms`);
      await sleep(Math.random() * waitMs);
      // Longer each time, so that servers have the machine for their start.
      waitMs = Math.min(2 * waitMs, 1_000);
    }
  }

  function note(sending: Sending, { definite, replayed, text, beganAt }: Attempted): void {
    const { commandId, command } = sending;
    const accepted = definite.status < 300;
    if (!accepted && definite.status !== 409) {
      differences.push(`${command} was answered with ${definite.status}: ${text.slice(0, 300)}`);
      return;
    }
    const before = answered.get(commandId);
    const kind = accepted ? 'accepted' : 'refused';
    if (!before) {
      answered.set(commandId, {
        commandId,
        command,
        first: definite,
        said: saidIn(text),
        toldAt: performance.now(),
        acceptedAt: accepted ? performance.now() : undefined,
        overtaken: false,
        fresh: { accepted: 0, refused: 0, [kind]: replayed ? 0 : 1 },
        firstWasReplay: replayed,
      });
      return;
    }
    if (!replayed && ++before.fresh[kind] > 1)
      differences.push(`${command} ${commandId} was ${kind} as new for the second time`);
    const wasAccepted = before.first.status < 300;
    if (accepted === wasAccepted) {
      for (const name of Object.keys(definite) as (keyof Definite)[])
        if (definite[name] !== before.first[name])
          differences.push(
            `${command} ${commandId}: ${name} was ${before.first[name]} and is ${definite[name]}: ${text.slice(0, 300)}`,
          );
      return;
    }
    // One server has recorded a refusal and another an acceptance: the log must show both, and the acceptance counts.
    before.overtaken = true;
    if (accepted) {
      const said = saidIn(text);
      const acceptedSince = begun.get(said.correlationId ?? '');
      // A server that was asked after the refusal had been answered was in no race with it.
      if (acceptedSince === undefined || acceptedSince > before.toldAt)
        differences.push(`${command} ${commandId} had been refused and was accepted afterwards: ${text.slice(0, 300)}`);
      Object.assign(before, { first: definite, said, acceptedAt: performance.now() });
    } else if (beganAt > before.acceptedAt!)
      differences.push(`${command} ${commandId} had been accepted and was refused afterwards: ${text.slice(0, 300)}`);
  }

  function sendingOf(by: Actor, customerId: string, command: Command, key: string, ifMatch?: string): Sending {
    const { path, body } = commandRequest(command, {
      customerId,
      ...(by.kind === 'customerUser' ? { partnerId: partner.tenantId } : {}),
    });
    const sending = {
      // The command id is a matter of the contract: side, partner, customer and key.
      commandId: idFrom(
        `${by.kind === 'customerUser' ? 'customer' : 'partner'}/${partner.tenantId}/${customerId}/${key}`,
      ),
      command: command.type,
      by,
      path,
      body: JSON.stringify(body),
      key,
      ifMatch,
    };
    sent.push(sending);
    return sending;
  }

  /** @throws Error with the answers that nothing explains when there was no other to it */
  function answeredCommandOf({ command, commandId }: Sending): AnsweredCommand {
    const found = answered.get(commandId);
    if (!found) throw new Error(`${command} ${commandId} has no definite answer:\n${differences.join('\n')}`);
    return found;
  }

  async function establish(customerId: string): Promise<void> {
    const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
    const request = { customer: { name: 'Adatum' }, market: partner.market };
    const begin = async (by: Actor, command: Command, key: string) => {
      const sending = sendingOf(by, customerId, command, key);
      await ask(sending, any(urls));
      const { first, said } = answeredCommandOf(sending);
      if (first.status >= 300) throw new Error(`${command.type}: ${first.status} ${said.code}`);
    };
    await begin(admin, { type: 'RequestResellerRelationship', data: request }, 'request');
    await begin(customer, { type: 'AcceptResellerRelationship', data: {} }, 'accept');
    await begin(admin, { type: 'ConfirmCustomerAgreement', data: {} }, 'agreement');
    const seats = { ...legacy, kind: 'newCommerce', subscriptionId: seatsOf(customerId), provisioned: true } as const;
    await begin(admin, { type: 'PurchaseSubscription', data: seats }, 'seats');
    const changing = { ...legacy, subscriptionId: changingOf(customerId), provisioned: true };
    await begin(admin, { type: 'PurchaseSubscription', data: changing }, 'changing');
  }

  /** Two callers share no key, but all share the relationships. */
  async function sendOne(caller: number, turn: number): Promise<void> {
    const customerId = customers[(caller + turn) % relationships]!;
    const { command, ifMatch, everywhere = false } = commandOf(customerId, caller, turn);
    const sending = sendingOf(admin, customerId, command, `caller-${caller}-${turn}`, ifMatch);
    await Promise.all((everywhere ? urls : [any(urls)]).map((url) => ask(sending, url)));
  }

  return {
    answered,
    differences,
    counts,
    longestWait: () => longestWait,
    establish: async () => void (await Promise.all(customers.map(establish))),
    work() {
      let over = false;
      // A later shift goes on where the one before has stopped.
      const firstTurn = turns;
      const working = Promise.all(
        Array.from({ length: callers }, async (_, caller) => {
          for (let turn = firstTurn; !over;) {
            const again = Math.random() * asksAgainEvery < 1 ? any(sent) : undefined;
            // Another caller may still be waiting for this one: then it is sent twice at once, which is a test as well.
            if (again) await ask(again, any(urls));
            else {
              await sendOne(caller, turn++);
              turns = Math.max(turns, turn);
            }
          }
        }),
      );
      return {
        working,
        async rest() {
          over = true;
          await working;
        },
      };
    },
    giveUp: () => void (givenUp = true),
    async askAll() {
      const left = sent.flatMap((sending) => urls.map((url) => ({ sending, url })));
      await Promise.all(
        Array.from({ length: callers }, async () => {
          for (let next = left.pop(); next; next = left.pop()) {
            const { commandId } = next.sending;
            // An answer outside the contract is among the differences already.
            const before = structuredClone(answered.get(commandId));
            await ask(next.sending, next.url, { onlyThere: true });
            if (!before) continue;
            const { fresh } = answeredCommandOf(next.sending);
            if (fresh.accepted + fresh.refused > before.fresh.accepted + before.fresh.refused)
              differences.push(`${next.sending.command} ${commandId} was decided again by ${next.url}`);
          }
        }),
      );
    },
  };
}

/** An answer that is no problem of the ledger cannot say that it may be retried: it counts as definite. */
function isUndecided(text: string): boolean {
  return (parsed(text) as { retryable?: unknown } | undefined)?.retryable === true;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The next command of a caller: some must be accepted, some refused, and some depend on what the others have done. */
function commandOf(
  customerId: string,
  caller: number,
  turn: number,
): { command: Command; ifMatch?: string; everywhere?: boolean } {
  // Never the same twice, so that it changes something.
  const distinct = turn * callers + caller;
  const seats = (quantity: number): Command => ({
    type: 'ChangeSubscriptionQuantity',
    data: { subscriptionId: seatsOf(customerId), quantity },
  });
  const subscriptionId = changingOf(customerId);
  switch (turn % 12) {
    case 0:
      return { command: { type: 'UpdateCustomerProfile', data: { name: `Name ${distinct}` } } };
    case 1:
      return { command: seats(1_000 + distinct) };
    case 2:
      // Three events: purchased, activated, and the support contact that comes with a legacy subscription.
      return {
        command: {
          type: 'PurchaseSubscription',
          data: { subscriptionId: idFrom(`purchase ${distinct}`), ...legacy, provisioned: true },
        },
      };
    case 3:
      // ItemAlreadyExists
      return { command: { type: 'PurchaseSubscription', data: { subscriptionId, ...legacy, provisioned: true } } };
    case 4:
      return { command: { type: 'SuspendSubscription', data: { subscriptionId, reason: 'customerRequest' } } };
    case 5:
      return { command: { type: 'ReactivateSubscription', data: { subscriptionId } } };
    case 6:
      return { command: seats(1_000 + distinct), everywhere: true };
    case 7:
      // RemovalBlocked, with everything that was bought so far; not too often, because that grows.
      return turn % 24 === 7
        ? { command: { type: 'RemoveResellerRelationship', data: {} }, ifMatch: '*' }
        : { command: seats(turn % 3 === 0 ? 200 : 300) };
    case 8:
      // NameNotUnique, over all relationships, or LimitReached once there are too many.
      return {
        command: {
          type: 'RequestDelegatedAdmin',
          data: {
            grantId: idFrom(`grant ${distinct}`),
            name: `Grant ${Math.floor(distinct / 20)}`,
            roles: ['f2ef992c-3afb-46b9-b7cf-a126ee74c451'],
            durationDays: 30,
          },
        },
      };
    case 9:
      // NothingToChange, unless another command came in between.
      return { command: seats(turn % 2 === 0 ? 100 : 101) };
    case 10: {
      // At every server at once, and not everywhere with the same outcome.
      const type = turn % 24 < 12 ? 'SuspendSubscription' : 'ReactivateSubscription';
      const command: Command =
        type === 'SuspendSubscription'
          ? { type, data: { subscriptionId, reason: 'fraud' } }
          : { type, data: { subscriptionId } };
      return { command, everywhere: true };
    }
    default:
      return { command: { type: 'UpdateCustomerProfile', data: { name: 'Adatum' } } };
  }
}

const idFrom = (text: string) => idOf(createHash('sha256').update(text).digest('hex'));
const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
const seatsOf = (customerId: string) => idFrom(`seats of ${customerId}`);
const changingOf = (customerId: string) => idFrom(`changing of ${customerId}`);
const legacy = { kind: 'legacy', offerId: 'legacy-e1', name: 'Office E1', quantity: 5, termDuration: 'P1Y' } as const;

function saidIn(text: string): Said {
  const { revision, position, events, code, correlationId } = (parsed(text) ?? {}) as Said;
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(position === undefined ? {} : { position }),
    ...(events === undefined ? {} : { events }),
    ...(code === undefined ? {} : { code }),
    ...(correlationId === undefined ? {} : { correlationId }),
  };
}

/** The whole log, in its order. */
export async function logOf(store: EventStore): Promise<readonly RecordedEvent[]> {
  const reading = new AbortController();
  const events: RecordedEvent[] = [];
  for await (const batch of store.subscribe({ after: 0, signal: reading.signal })) {
    events.push(...batch.events);
    if (batch.caughtUp) reading.abort();
  }
  return events;
}
