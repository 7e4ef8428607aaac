import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { BoundedPool, type Place } from '#pacing';
import { detailOfProblem, Problem, problemTexts, problemType } from '#http';
import type { OperationAnswer, OperationError, OperationStep } from '../contract/answers.js';
import type { HeldPastView, PastStatus, PastView, PastViews } from '../as-of/past-views.js';
import type { Requester } from '../requester.js';

/** Something that takes longer than a request, for one partner or customer. */
export type Operation = Pick<KeptOperation, 'id' | 'status' | 'isGoing' | 'ended' | 'shown'>;

class KeptOperation {
  readonly id = randomUUID();
  cancelledAt: string | undefined;
  /** When it may be forgotten, by the clock of the process. */
  forgetAt = Infinity;

  constructor(
    readonly owner: string,
    readonly href: string,
    readonly place: Place,
    readonly held: HeldPastView,
    readonly partnerId: string,
    private readonly createdAt: string,
  ) {}

  get status(): PastStatus {
    return this.cancelledAt === undefined ? this.held.past.status : 'cancelled';
  }

  get isGoing(): boolean {
    return this.status === 'notStarted' || this.status === 'running';
  }

  get ended(): Promise<void> {
    return this.cancelledAt === undefined ? this.held.past.ended : Promise.resolve();
  }

  /** In the form of the answer. */
  shown(): OperationAnswer {
    const { id, status, createdAt, href, cancelledAt } = this;
    const { past } = this.held;
    return {
      id,
      status,
      createdAt,
      endedAt: cancelledAt ?? past.endedAt ?? null,
      steps: stepsOf(past, status),
      error: past.error ? problemOf(past.error) : null,
      result: status === 'succeeded' ? { href } : null,
    };
  }
}

/** How long an operation is remembered after its end. */
const rememberedMinutes = 15;
const mostOperations = 1_000;
const mostOfOnePartner = mostOperations / 2;

/** Operations of this server, in memory. After a restart the caller asks again and gets the same answer. */
export class Operations {
  private readonly all = new Map<string, KeptOperation>();
  private readonly byQuestion = new Map<string, KeptOperation>();
  /** No partner may take all places. */
  private readonly places = new BoundedPool({ atOnce: mostOperations, ofOne: mostOfOnePartner });

  constructor(private readonly now: () => string = () => new Date().toISOString()) {}

  /**
   * The operation that ends when the view is finished, so that the address answers at once. The same question gets the same
   * operation. `href` is the address of the result.
   * @throws Problem AsOfUnavailable when there are too many
   */
  follow(
    past: PastView,
    pastViews: Pick<PastViews, 'share'>,
    { requester, href }: { readonly requester: Requester; readonly href: string },
  ): Operation {
    this.forgetOld();
    const owner = ownerOf(requester);
    const same = this.byQuestion.get(questionOf({ owner, href }));
    if (same && same.held.past === past && same.cancelledAt === undefined) return same;
    const { tenantId } = requester.partner;
    const place = this.placeFor(tenantId);
    const kept = new KeptOperation(owner, href, place, pastViews.share(past), tenantId, this.now());
    this.all.set(kept.id, kept);
    this.byQuestion.set(questionOf(kept), kept);
    void past.ended.then(() => {
      kept.held.release();
      kept.forgetAt = Math.min(kept.forgetAt, forgottenFromNow());
    });
    return kept;
  }

  /** Cancels the operation. If it has ended, it stays as it is. @throws Problem OperationNotFound */
  cancel(requester: Requester, id: string): Operation {
    const kept = this.find(requester, id);
    if (kept.isGoing) {
      kept.cancelledAt = this.now();
      kept.forgetAt = forgottenFromNow();
      kept.held.release();
    }
    return kept;
  }

  /** @throws Problem OperationNotFound, also for another owner's operation */
  find(requester: Requester, id: string): KeptOperation {
    this.forgetOld();
    const kept = this.all.get(id);
    if (!kept || kept.owner !== ownerOf(requester)) throw new Problem('OperationNotFound');
    return kept;
  }

  /** The operation that ended first makes room; a running one is never forgotten. */
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

  private forget(kept: KeptOperation): void {
    this.all.delete(kept.id);
    kept.place.leave();
    const question = questionOf(kept);
    if (this.byQuestion.get(question) === kept) this.byQuestion.delete(question);
  }
}

function forgottenFromNow(): number {
  return performance.now() + rememberedMinutes * 60_000;
}

/** A partner's people share their operations; a customer's people see those about their own relationship. */
function ownerOf({ actor, partner, customerId }: Requester): string {
  return actor.kind === 'customerUser' ? `${partner.tenantId} ${customerId}` : partner.tenantId;
}

const questionOf = ({ owner, href }: Pick<KeptOperation, 'owner' | 'href'>) => `${owner} ${href}`;

/** The operation first waits for its turn; then the log is read up to the position asked for. */
function stepsOf(past: PastView, status: PastStatus): OperationStep[] {
  const begun = past.startedAt !== undefined;
  const waiting = begun ? 'succeeded' : status === 'notStarted' ? 'running' : status;
  return [
    { name: 'wait', status: waiting },
    {
      name: 'project',
      status: begun ? status : status === 'cancelled' ? 'cancelled' : 'notStarted',
      view: past.views[0]!,
      position: String(past.position),
      until: String(past.until.position),
    },
  ];
}

/** The problem with which the list itself would have answered. */
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
  const over = new AbortController();
  try {
    return await Promise.race([ended.then(() => true), delay(ms, false, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}
