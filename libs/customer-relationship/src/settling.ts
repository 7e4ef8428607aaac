import type { Decided, EventMetadata, Frozen, MessageOf, Settled } from '#event-sourcing';
import { known, requireKnown } from './admission.js';
import { boundaries, boundarySteps, type Boundaries } from './boundaries.js';
import { firstInstantAfter, hasPassed, type Instant } from './calendar.js';
import type { Context } from './context.js';
import { present } from './event.js';
import type { RelationshipEvents } from './events.js';
import { policies, type Policy } from './policy.js';
import { reject } from './rejections.js';
import { clock } from './rights.js';
import type { CustomerRelationship } from './state.js';
import type { ClockCommand, NextBoundary } from './statuses.js';
import { supportContactSteps } from './support-contacts.js';

// What time alone brings about: renewals, ends of terms and of retention periods, lapses (rule T1). This file knows no
// noun: what the boundaries of each mean stands in boundaries.ts.

type State = Frozen<CustomerRelationship>;

/** What time brings something about for; a refusal names items alike. */
export type Noun = keyof typeof boundaries;

/** One thing that is settled. There is one request at most: its id is ''. */
export interface ItemRef {
  readonly noun: Noun;
  readonly id: string;
}

export const request: ItemRef = { noun: 'request', id: '' };

/** By the field in which the data of commands and events name an item. */
export const nounsByField = {
  subscriptionId: 'subscription',
  reservationId: 'reservation',
  purchaseId: 'softwarePurchase',
  savingsPlanId: 'savingsPlan',
  grantId: 'grant',
} as const satisfies Record<string, Noun>;
const fields = Object.keys(nounsByField) as (keyof typeof nounsByField)[];

/** An item that has an id. */
export type NamedItem = ItemRef & { readonly noun: (typeof nounsByField)[keyof typeof nounsByField] };

/** The item that the data of a command or an event name, if there is one. */
export function itemsNamedBy(data: object): readonly NamedItem[] {
  for (const field of fields) {
    const id = (data as Readonly<Partial<Record<typeof field, string>>>)[field];
    if (id !== undefined) return [{ noun: nounsByField[field], id }];
  }
  return [];
}

/** The data that name an item and say nothing else, as those of a clock's command do. */
export function dataNaming({ noun, id }: ItemRef): Readonly<Record<string, string>> {
  const field = fields.find((each) => nounsByField[each] === noun);
  return field === undefined ? {} : { [field]: id };
}

/** What has happened at one boundary of one item. */
export interface Due {
  /** The end that has passed; everything below is dated to it. */
  readonly at: Instant;
  readonly item: ItemRef;
  readonly command: ClockCommand;
  /** The policy of that time, as the stream names it; absent where the present one counts. */
  readonly policy?: EventMetadata['policy'];
  readonly events: readonly MessageOf<RelationshipEvents>[];
}

/** The next end after which time alone changes an item; undefined if there is none. */
export function nextBoundary(state: State, { noun, id }: ItemRef): NextBoundary | undefined {
  return boundaries[noun].next(state, id);
}

/** What time has brought about for these items until an instant, oldest first, and the state that results. */
export function settle(
  state: State,
  items: Iterable<ItemRef>,
  until: Instant,
  present: Policy,
): { readonly due: readonly Due[]; readonly state: State } {
  let settled: CustomerRelationship | undefined;
  const due: Due[] = [];
  for (const item of items) {
    const { next, events: eventsOf, separate }: Boundaries = boundaries[item.noun];
    let boundary = next(settled ?? state, item.id);
    if (!boundary || !hasPassed(boundary.at, until)) continue;
    // A copy of the state; it shares what the steps do not write to.
    settled ??= { ...state, designations: new Map(state.designations) } as CustomerRelationship;
    separate(settled, state, item.id);
    for (; boundary && hasPassed(boundary.at, until); boundary = next(settled, item.id)) {
      const { at, command } = boundary;
      const { policy, recordedAs } = policyAt(state, at, present);
      const events = eventsOf(settled, item.id, boundary, policy);
      apply(settled, events);
      due.push({ at, item, command, ...(recordedAs ? { policy: recordedAs } : {}), events });
    }
  }
  if (!settled) return { due, state };
  return { due: due.toSorted((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0)), state: settled };
}

/** Everything as it stands at an instant, whether or not that has been recorded. */
export function settledState(state: State, now: Instant, present: Policy): State {
  return settle(state, everything(state), now, present).state;
}

function* everything(state: State): Iterable<ItemRef> {
  for (const noun of Object.keys(boundaries) as Noun[])
    for (const id of boundaries[noun].ids(state)) yield { noun, id };
}

/** Everything that time alone changes, with its next boundary, passed or not. */
export function* comingUp(state: State): Iterable<{ readonly item: ItemRef; readonly boundary: NextBoundary }> {
  for (const item of everything(state)) {
    const boundary = nextBoundary(state, item);
    if (boundary) yield { item, boundary };
  }
}

/** What time has brought about for the items that a command reads, as events that precede its own. */
export function settleFor(
  state: State,
  items: Iterable<ItemRef>,
  until: Instant,
  { policy, actor }: Context,
): Settled<RelationshipEvents, CustomerRelationship> {
  const settled = settle(state, items, until, policy);
  if (settled.due.length === 0) return { events: [], state };
  const system = { id: actor.id, kind: 'system', roles: [], tenant: actor.tenant };
  return {
    events: settled.due.flatMap((due) => decided(due, { actor: system, command: due.command })),
    state: settled.state,
  };
}

/** The events of a boundary, as a decision returns them. */
function decided(
  { events, policy }: Due,
  metadata: Decided<RelationshipEvents>['metadata'] = {},
): Decided<RelationshipEvents>[] {
  return events.map((event, index) => ({
    ...event,
    metadata: { ...metadata, ...present({ policy }) },
    ...(index === 0 ? { begins: true } : {}),
  }));
}

/** Of every clock's command, which *is* the settling of its item. */
export const passingTime = { right: clock, settles: 'itself', decide: passTime } as const;

/** Records all that time has brought about for an item, also after the end of the relationship (rule R20). */
function passTime(state: State, data: object, { now, policy }: Context): readonly Decided<RelationshipEvents>[] {
  requireKnown(state);
  const [item = request] = itemsNamedBy(data);
  const { due } = settle(state, [item], now, policy);
  if (due.length > 0) return due.flatMap((each) => decided(each));
  const boundary = nextBoundary(state, item);
  if (boundary) throw reject('NotDue', { dueAt: firstInstantAfter(boundary.at) });
  const { noun, id } = item;
  if (noun === 'request') throw reject('NoOpenRequest', { status: state.status });
  const { items, never } = boundaries[noun];
  throw reject('InvalidTransition', { itemId: id, from: known(state, items(state), noun, id).status, ...never });
}

/**
 * The policy that counts at a date: that of the stream's last event until then. For a purchase dated back to before the
 * first event, it is the policy of the first event. For a policy that this release does not have, the present one
 * stands in.
 */
function policyAt(
  { policies: recorded }: State,
  at: Instant,
  present: Policy,
): { readonly policy: Policy; readonly recordedAs?: EventMetadata['policy'] } {
  const then = recorded.findLast(({ from }) => from <= at) ?? recorded[0];
  const policy = then && (then.name === present.name ? present : policies[then.name]);
  return policy ? { policy, recordedAs: { name: then.name, hash: then.hash } } : { policy: present };
}

const steps = { ...boundarySteps, ...supportContactSteps } as Readonly<
  Record<string, (state: CustomerRelationship, data: unknown) => void>
>;

function apply(state: CustomerRelationship, events: Due['events']): void {
  for (const { type, data } of events) steps[type]!(state, data);
}
