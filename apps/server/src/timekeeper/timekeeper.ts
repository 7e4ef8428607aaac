import { OutcomeUnknown, StoreUnavailable } from '#event-sourcing';
import { BackOff, occasionally } from '#pacing';
import { ViewNotBuilt } from '#projector';
import type { Logger } from 'pino';
import { keyOf, type OverdueItem, type DueItems } from './due-items.js';
import type { Lease } from './lease.js';

/** How the timekeeper knows and passes time. */
export interface Time {
  /** RFC 3339 in UTC with milliseconds. */
  readonly now: () => string;
  /** In ms; never goes back. */
  readonly elapsed: () => number;
  /** Ends early, without an error, with the signal. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What a clock's command came to: its outcome, and where the stream then stood; or why it was refused. */
export interface Sent {
  readonly outcome: string;
  readonly position: number;
}

export interface TimekeeperParts {
  readonly due: DueItems;
  readonly lease: Lease;
  /** Sends the command of an item. @throws what the store throws, or a bug */
  readonly send: (item: OverdueItem) => Promise<Sent>;
  /** Commands a second at most. */
  readonly rate: number;
  /** False while nothing must be recorded. */
  readonly mayRecord: () => boolean;
  /** Waits until callers have had their turns. */
  readonly turn: () => Promise<void>;
  readonly time: Time;
  readonly logger: Pick<Logger, 'error' | 'info'>;
}

/** How often it looks for what is due. Boundaries that are known it meets to the millisecond. */
const looksEveryMs = 1_000;
/** How often it looks whether the server that keeps time has stopped. */
const standsByMs = 5_000;
const itemPauses = { first: 1_000, most: 3_600_000 };
const storePauses = { first: 1_000, most: 30_000 };
const troubleLoggedEveryMs = 60_000;
/** A pass ends after this number of commands, so that memory does not grow with the backlog. */
const sentInAPass = 1_000;

/** An item whose command has been sent. */
interface SentItem {
  readonly dueAt: string;
  /** Until the view has seen the answer, it cannot know better. */
  position: number;
  /** When it may be sent again, if the view still names it then. */
  again: number;
  readonly pauses: BackOff;
  /** The last pass in which the view has named it. */
  pass: number;
}

/**
 * Records what time brings about: sends the clock's command of each item whose boundary has passed, oldest first, one after
 * the other at a bounded rate. It goes by the views alone and remembers nothing that it could not do without: a command that
 * is sent twice counts once, and one that is not sent is sent later.
 */
export class Timekeeper {
  /** Commands by outcome, since the start. */
  readonly commands = new Map<string, number>();
  private readonly sent = new Map<string, SentItem>();
  private readonly storePauses = new BackOff(storePauses);
  private readonly stopping = new AbortController();
  private readonly logTrouble: (error: unknown, command: string) => void;
  private passes = 0;
  private mayStartAt = 0;
  private otherKeepsTime = false;
  private running: Promise<void> | undefined;

  constructor(private readonly parts: TimekeeperParts) {
    this.logTrouble = occasionally(troubleLoggedEveryMs, (times, error, command) =>
      parts.logger.error({ err: error, command, times }, 'what is due could not be recorded; it is tried again'),
    );
  }

  /** `standby`: another server keeps time. */
  get status(): 'on' | 'standby' {
    return this.otherKeepsTime ? 'standby' : 'on';
  }

  /** Items whose commands have been sent, as far as the views did not show them recorded in the last pass. */
  get unsettled(): number {
    return this.sent.size;
  }

  /** No other server keeps time now. */
  holdsLease(now: string): boolean {
    return this.parts.lease.isHeld(now);
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Lets the command in hand end, and hands the lease back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.handBack().catch((error: unknown) => this.logTrouble(error, 'release'));
  }

  private async handBack(): Promise<void> {
    const { lease, time } = this.parts;
    await lease.release(time.now());
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const pause = await this.pass().catch((error: unknown) => {
        if (error instanceof ViewNotBuilt) return looksEveryMs;
        this.logTrouble(error, 'look');
        return this.storePauses.next();
      });
      await this.parts.time.sleep(pause, signal);
    }
  }

  /** Sends what is due now, from the oldest on. Answers how long to sleep then, in ms. */
  async pass(): Promise<number> {
    const { due, lease, time, mayRecord } = this.parts;
    if (!mayRecord()) return looksEveryMs;
    this.passes++;
    let count = 0;
    for await (const item of due.overdue(time.now)) {
      if (!this.maySend(item)) continue;
      this.otherKeepsTime = !(await lease.take(time.now()));
      if (this.otherKeepsTime) return standsByMs;
      await this.pace();
      if (this.stopping.signal.aborted) return 0;
      // It may have run out meanwhile, or this process was frozen.
      if (!lease.isHeld(time.now())) return 0;
      await this.send(item);
      if (++count < sentInAPass) continue;
      this.forgetBefore(item.dueAt);
      return 0;
    }
    this.forgetBefore();
    return this.untilNext(await due.earliest());
  }

  /** What this pass has not met has been recorded. It has gone no further than to a boundary, or to the end. */
  private forgetBefore(end?: string): void {
    for (const [key, { pass, dueAt }] of this.sent)
      if (pass !== this.passes && (end === undefined || dueAt < end)) this.sent.delete(key);
  }

  private untilNext(earliest: string | undefined): number {
    const until = earliest === undefined ? Infinity : Date.parse(earliest) + 1 - Date.parse(this.parts.time.now());
    return until > 0 ? Math.min(until, looksEveryMs) : looksEveryMs;
  }

  private maySend(item: OverdueItem): boolean {
    const sent = this.sent.get(keyOf(item));
    if (!sent) return true;
    sent.pass = this.passes;
    return item.position >= sent.position && this.parts.time.elapsed() >= sent.again;
  }

  private async send(item: OverdueItem): Promise<void> {
    const { send, time } = this.parts;
    const key = keyOf(item);
    const sent = this.sent.get(key) ?? {
      dueAt: item.dueAt,
      position: 0,
      again: 0,
      pauses: new BackOff(itemPauses),
      pass: this.passes,
    };
    this.sent.set(key, sent);
    try {
      const { outcome, position } = await send(item);
      sent.position = position;
      this.count(outcome);
      this.storePauses.reset();
    } catch (error) {
      const isOfStore = error instanceof StoreUnavailable || error instanceof OutcomeUnknown;
      this.count(isOfStore ? 'unavailable' : 'failed');
      this.logTrouble(error, item.command);
      if (isOfStore) await time.sleep(this.storePauses.next(), this.stopping.signal);
    }
    sent.again = time.elapsed() + sent.pauses.next();
  }

  private count(outcome: string): void {
    this.commands.set(outcome, (this.commands.get(outcome) ?? 0) + 1);
  }

  /** Not more than the rate: what was not done in time is not made up for by a burst. */
  private async pace(): Promise<void> {
    const { time, rate, turn } = this.parts;
    const wait = this.mayStartAt - time.elapsed();
    if (wait > 0) await time.sleep(wait, this.stopping.signal);
    this.mayStartAt = Math.max(this.mayStartAt, time.elapsed()) + 1000 / rate;
    await turn();
  }
}
