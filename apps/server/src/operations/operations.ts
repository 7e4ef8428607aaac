import { randomUUID } from 'node:crypto';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { BoundedPool, type Place } from '#pacing';
import { detailOfProblem, Problem, problemTexts, problemType } from '#http';
import type { OperationAnswer, OperationError, OperationStep } from '../contract/answers.js';
import type { HeldPastView, PastStatus, PastView, PastViews } from '../as-of/past-views.js';
import type { Requester } from '../requester.js';

/** Something that takes its time, for one caller's partner. */
export interface Operation {
  readonly id: string;
  readonly status: PastStatus;
  readonly ended: Promise<void>;
  /** As it is shown. */
  readonly shown: () => OperationAnswer;
}

export interface QuestionOfPast {
  readonly requester: Requester;
  /** Where the result is. */
  readonly href: string;
}

interface Kept {
  readonly id: string;
  readonly owner: string;
  readonly partnerId: string;
  readonly place: Place;
  readonly href: string;
  readonly createdAt: string;
  readonly held: HeldPastView;
  cancelledAt: string | undefined;
  /** When it may be forgotten, by the clock of the process. */
  forgetAt: number;
}

/** For how long the end of an operation is remembered. */
export const rememberedMinutes = 15;
const mostOperations = 1_000;
const mostOfOnePartner = mostOperations / 2;

/** Operations of this server, in memory: after a restart the question is asked again, and the answer is the same. */
export class Operations {
  private readonly all = new Map<string, Kept>();
  private readonly byQuestion = new Map<string, Kept>();
  /** Nobody fills the room so that others find none. */
  private readonly places = new BoundedPool({ atOnce: mostOperations, ofOne: mostOfOnePartner });

  constructor(private readonly now: () => string = () => new Date().toISOString()) {}

  /**
   * The operation that ends when the view is there, so that the address answers at once; the same for the same question.
   * @throws Problem AsOfUnavailable when there are too many
   */
  follow(past: PastView, pastViews: Pick<PastViews, 'share'>, { requester, href }: QuestionOfPast): Operation {
    this.forgetOld();
    const owner = ownerOf(requester);
    const same = this.byQuestion.get(questionOf({ owner, href }));
    if (same && same.held.past === past && same.cancelledAt === undefined) return operationOf(same);
    const kept: Kept = {
      id: randomUUID(),
      owner,
      partnerId: requester.partner.tenantId,
      place: this.placeFor(requester.partner.tenantId),
      href,
      createdAt: this.now(),
      held: pastViews.share(past),
      cancelledAt: undefined,
      forgetAt: Infinity,
    };
    this.all.set(kept.id, kept);
    this.byQuestion.set(questionOf(kept), kept);
    void past.ended.then(() => {
      kept.held.release();
      kept.forgetAt = Math.min(kept.forgetAt, forgottenFromNow());
    });
    return operationOf(kept);
  }

  /** @throws Problem OperationNotFound, also for one of somebody else */
  find(requester: Requester, id: string): Operation {
    return operationOf(this.keptOf(requester, id));
  }

  /** Gives up what nobody else waits for. What has ended stays as it is. @throws Problem OperationNotFound */
  cancel(requester: Requester, id: string): Operation {
    const kept = this.keptOf(requester, id);
    if (kept.cancelledAt === undefined && isGoing(kept.held.past.status)) {
      kept.cancelledAt = this.now();
      kept.forgetAt = forgottenFromNow();
      kept.held.release();
    }
    return operationOf(kept);
  }

  private keptOf(requester: Requester, id: string): Kept {
    this.forgetOld();
    const kept = this.all.get(id);
    if (!kept || kept.owner !== ownerOf(requester)) throw new Problem('OperationNotFound');
    return kept;
  }

  /** The one that ended first makes room; what goes on is never forgotten. */
  private placeFor(partnerId: string): Place {
    const free = this.places.enter(partnerId);
    if (free) return free;
    const ended = [...this.all.values()].filter(({ forgetAt }) => forgetAt < Infinity);
    const first =
      this.places.taking(partnerId) < mostOfOnePartner ? ended[0] : ended.find((each) => each.partnerId === partnerId);
    if (first) this.forget(first);
    const place = this.places.enter(partnerId);
    if (!place) throw new Problem('AsOfUnavailable', { reason: 'busy' }, { 'Retry-After': '2' });
    return place;
  }

  private forgetOld(): void {
    for (const kept of this.all.values()) if (kept.forgetAt < performance.now()) this.forget(kept);
  }

  private forget(kept: Kept): void {
    this.all.delete(kept.id);
    kept.place.leave();
    const question = questionOf(kept);
    if (this.byQuestion.get(question) === kept) this.byQuestion.delete(question);
  }
}

function forgottenFromNow(): number {
  return performance.now() + rememberedMinutes * 60_000;
}

/** A partner's people share theirs; a customer's see those about their own relationship. */
function ownerOf({ actor, partner, customerId }: Requester): string {
  return actor.kind === 'customerUser' ? `${partner.tenantId} ${customerId}` : partner.tenantId;
}

const questionOf = ({ owner, href }: Pick<Kept, 'owner' | 'href'>) => `${owner} ${href}`;

const isGoing = (status: PastStatus) => status === 'notStarted' || status === 'running';

function operationOf(kept: Kept): Operation {
  const { past } = kept.held;
  const status = () => (kept.cancelledAt === undefined ? past.status : 'cancelled');
  return {
    id: kept.id,
    get status() {
      return status();
    },
    ended: kept.cancelledAt === undefined ? past.ended : Promise.resolve(),
    shown: () => ({
      id: kept.id,
      status: status(),
      createdAt: kept.createdAt,
      endedAt: kept.cancelledAt ?? past.endedAt ?? null,
      steps: stepsOf(past, status()),
      error: past.error ? problemOf(past.error) : null,
      result: status() === 'succeeded' ? { href: kept.href } : null,
    }),
  };
}

/** First it waits for its turn, then the log is read up to the position that was asked for. */
function stepsOf(past: PastView, status: PastStatus): OperationStep[] {
  const begun = past.startedAt !== undefined;
  const waiting = begun ? 'succeeded' : status === 'notStarted' ? 'running' : status;
  return [
    { name: 'wait', status: waiting },
    {
      name: 'project',
      status: begun ? status : status === 'cancelled' ? 'cancelled' : 'notStarted',
      view: past.view,
      position: String(past.position),
      until: String(past.until.position),
    },
  ];
}

/** As the list itself would have answered. */
function problemOf(error: Error): OperationError {
  const code = codeOf(error);
  const { status, title, detail: general } = problemTexts[code]!;
  const detail = error instanceof Problem ? detailOfProblem(code, error) : general;
  return { type: problemType(code), code, status, title, detail };
}

function codeOf(error: Error): string {
  if (error instanceof Problem) return error.code;
  if (error instanceof StoreUnavailable) return 'StoreUnavailable';
  return error instanceof LogDamaged ? 'LogDamaged' : 'InternalError';
}

/** Whether it ends within a number of ms. */
export async function endedWithin({ ended }: { readonly ended: Promise<void> }, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([ended.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
