import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Role } from '#customer-relationship';
import { LogDamaged, Rejection, StoreUnavailable } from '#event-sourcing';
import { BoundedPool, type Place } from '#pacing';
import { detailOfProblem, Problem, problemTexts, problemType } from '#http';
import type { OperationAnswer, OperationError, OperationStep } from '../contract/answers.js';
import type { HeldPastView, PastStatus, PastView, PastViews } from '../as-of/past-views.js';
import type { Requester } from '../requester.js';

/** Something that takes longer than a request, for one partner or customer. */
export type Operation = Pick<KeptOperation, 'id' | 'status' | 'isGoing' | 'ended' | 'shown'>;

class KeptOperation {
  readonly id = randomUUID();
  /** Somebody else waits for it too. */
  isShared = false;
  cancelledAt: string | undefined;
  /** When it may be forgotten, by the clock of the process. */
  forgetAt = Infinity;

  constructor(
    readonly owner: string,
    /** The person or program that has asked first. */
    readonly startedBy: string,
    readonly href: string,
    readonly place: Place,
    readonly held: HeldPastView,
    /** Of who started it. */
    readonly tenant: string,
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

  /** In the form of the answer, with addresses as they are seen from outside. */
  shown(publicPath = ''): OperationAnswer {
    const { id, status, createdAt, href, cancelledAt } = this;
    const { past } = this.held;
    return {
      id,
      status,
      createdAt,
      endedAt: cancelledAt ?? past.endedAt ?? null,
      steps: stepsOf(past, status),
      error: past.error ? problemOf(past.error, publicPath) : null,
      result: status === 'succeeded' ? { href: publicPath + href } : null,
    };
  }
}

/** How long an operation is remembered after its end. */
const rememberedMinutes = 15;
const mostOperations = 1_000;
const mostOfOneTenant = mostOperations / 2;

/** Operations of this server, in memory. After a restart the caller asks again and gets the same answer. */
export class Operations {
  private readonly all = new Map<string, KeptOperation>();
  private readonly byQuestion = new Map<string, KeptOperation>();
  /** No partner or customer may take all places. */
  private readonly places = new BoundedPool({ atOnce: mostOperations, ofOne: mostOfOneTenant });

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
    const { id, tenant } = requester.actor;
    if (same && same.held.past === past && same.cancelledAt === undefined) {
      same.isShared ||= same.startedBy !== id;
      return same;
    }
    const place = this.placeFor(tenant);
    const kept = new KeptOperation(owner, id, href, place, pastViews.share(past), tenant, this.now());
    this.all.set(kept.id, kept);
    this.byQuestion.set(questionOf(kept), kept);
    void past.ended.then(() => {
      kept.held.release();
      kept.forgetAt = Math.min(kept.forgetAt, forgottenFromNow());
    });
    return kept;
  }

  /**
   * Cancels the operation. If it has ended, it stays as it is.
   * @throws Problem OperationNotFound; Rejection RoleNotAllowed where others wait for it and the caller may only read
   */
  cancel(requester: Requester, id: string): Operation {
    const kept = this.find(requester, id);
    requireMayCancel(kept, requester);
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
  private placeFor(tenant: string): Place {
    const free = this.places.enter(tenant);
    if (free) return free;
    const ended = [...this.all.values()].filter(({ forgetAt }) => forgetAt < Infinity);
    const first =
      this.places.taking(tenant) < mostOfOneTenant ? ended[0] : ended.find((each) => each.tenant === tenant);
    if (first) this.forget(first);
    const place = this.places.enter(tenant);
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

const cancellers: readonly Role[] = ['GlobalAdmin', 'AdminAgent'];

/** Roles that may only read cancel no work of others, only what they alone have started. */
function requireMayCancel({ startedBy, isShared }: KeptOperation, { actor }: Requester): void {
  if (startedBy === actor.id && !isShared) return;
  // Of a customer's people, only its Global admin comes here.
  if (actor.kind === 'customerUser' || actor.roles.some((role) => cancellers.includes(role))) return;
  throw new Rejection('RoleNotAllowed', { anyOf: cancellers });
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
function problemOf(error: Error, publicPath: string): OperationError {
  const code = codeOf(error);
  const { status, title, detail: general } = problemTexts[code]!;
  const detail = error instanceof Problem ? detailOfProblem(code, error) : general;
  return { type: publicPath + problemType(code), code, status, title, detail };
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
