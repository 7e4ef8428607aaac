import type { Decided, Frozen } from '#event-sourcing';
import { current, effectiveFault, refusingAlso } from './admission.js';
import { boundaries } from './boundaries.js';
import type { Instant } from './calendar.js';
import type { CommandOf } from './command.js';
import type { Context, Steps } from './context.js';
import type { RelationshipEvents } from './events.js';
import { lastEventOf } from './last-events.js';
import { reject } from './rejections.js';
import { itemsNamedBy, settleFor, type ItemRef, type NamedItem } from './settling.js';
import type { CustomerRelationship } from './state.js';

// Facts that are reported late (rule T1a): a command says with `effectiveAt` when something happened. What time had
// brought about until then precedes it; what follows from it until now comes after it, in the same append.

type State = Frozen<CustomerRelationship>;

/**
 * Decides as of the time that the command gives, and lets the time until now pass.
 * @param state settled until that time
 * @param steps of all events
 */
export function decideLate<Data extends { readonly effectiveAt?: Instant }>(
  state: State,
  command: Pick<CommandOf<Data>, 'decide'>,
  items: readonly ItemRef[],
  data: Data,
  context: Context,
  steps: Steps,
): readonly Decided<RelationshipEvents>[] {
  const { effectiveAt } = data;
  const { now } = context;
  if (effectiveAt === undefined) return command.decide(state, data, context);
  for (const item of itemsNamedBy(data)) requireInTime(state, item, effectiveAt);
  const fault = effectiveFault('effectiveAt', effectiveAt, now);
  const own = refusingAlso(fault, () => command.decide(state, data, { ...context, now: fault ? now : effectiveAt }));
  const written = own.flatMap((event) => itemsNamedBy(event.data));
  for (const item of written) requireInTime(state, item, effectiveAt);
  const after = settleFor(applied(state, own, written, steps), [...items, ...written], now, context);
  return [...own, ...after.events];
}

/** Not before the last event of an item: what held in between is on record (rule T1a). */
function requireInTime(state: State, item: NamedItem, effectiveAt: Instant): void {
  const { noun, id } = item;
  current(state, boundaries[noun].items(state), noun, id);
  const lastEvent = lastEventOf(state, item);
  if (lastEvent && effectiveAt < lastEvent.at)
    throw reject('EffectiveTooEarly', { itemId: id, effectiveAt, lastEvent: { ...lastEvent } });
}

/** The state after some events; the one given is not written to. */
function applied(
  state: State,
  events: readonly Decided<RelationshipEvents>[],
  written: readonly NamedItem[],
  steps: Steps,
): State {
  const copy = { ...state, designations: new Map(state.designations) } as CustomerRelationship;
  for (const { noun, id } of written) boundaries[noun].separate(copy, state, id);
  for (const { type, data } of events)
    (steps[type] as (state: CustomerRelationship, data: unknown) => void)(copy, data);
  return copy;
}
