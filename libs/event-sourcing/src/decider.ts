import type { EventMetadata } from './event-store.js';
import type { Frozen, MessageOf, Name } from './message.js';

/** An event that a decision answers. */
export type Decided<Events> = MessageOf<Events> & {
  /**
   * Goes before what the command says of itself. Where it names another command, the event is not the command's own: it has
   * come about by itself and is recorded with it.
   */
  readonly metadata?: Partial<Pick<EventMetadata, 'actor' | 'command' | 'policy'>>;
  /** An append may end before this event: what makes up too many is appended in parts. */
  readonly begins?: true;
};

/** One decision for each command: throws a {@link Rejection} or returns the events, at least one. Pure. */
export type Decide<Commands, Events, State, Context> = {
  readonly [N in Name<Commands>]: (
    state: Frozen<State>,
    data: Commands[N],
    context: Context,
  ) => readonly Decided<Events>[];
};

/** One step for each event: writes into the state that {@link fold} has just made. Records, never judges, never throws. */
export type Evolve<Events, State> = { readonly [N in Name<Events>]: (state: State, data: Events[N]) => void };

/** An aggregate: where it starts, what it decides and how it changes. No base class, no framework. */
export interface Decider<Commands, Events, State, Context> {
  readonly initialState: () => State;
  /** Throws a {@link Rejection} where the sender may not send the command. Asked before anything else is looked at. */
  readonly admit?: (command: MessageOf<Commands>, context: Context) => void;
  readonly decide: Decide<Commands, Events, State, Context>;
  readonly evolve: Evolve<Events, State>;
  /**
   * What has come about by itself until a command counts, of what it reads and writes. An accepted command records it before
   * its own events. Where there is something, the command is judged by a state of its own: the one given is not written to.
   */
  readonly settle?: (state: Frozen<State>, command: MessageOf<Commands>, context: Context) => Settled<Events, State>;
  /** Takes note of how an event was recorded, where later decisions rest on that. */
  readonly note?: (state: State, metadata: EventMetadata) => void;
}

export interface Settled<Events, State> {
  readonly events: readonly Decided<Events>[];
  readonly state: Frozen<State>;
}

/** Folds events, by default from the initial state. The state is written in place (folds that copy are quadratic). */
export function fold<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  events: Iterable<MessageOf<Events>>,
  state: State = decider.initialState(),
): State {
  const evolve = decider.evolve as Record<string, (state: State, data: unknown) => void>;
  for (const event of events) evolve[event.type]?.(state, event.data);
  return state;
}

/** Decides one command on one state, after asking whether its sender may send it. */
export function decideOn<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  state: State,
  command: MessageOf<Commands>,
  context: Context,
): readonly Decided<Events>[] {
  decider.admit?.(command, context);
  return decideAdmitted(decider, state, command, context);
}

/** Decides a command that has been admitted: its own events follow those that have come about by themselves. */
export function decideAdmitted<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  state: State,
  command: MessageOf<Commands>,
  context: Context,
): readonly Decided<Events>[] {
  const decide = decider.decide as unknown as Record<
    string,
    (state: Frozen<State>, data: unknown, context: Context) => readonly Decided<Events>[]
  >;
  const decision = decide[command.type];
  if (!decision) throw new Error(`No decision for command ${command.type}`);
  const settled = decider.settle?.(state as Frozen<State>, command, context);
  if (!settled || settled.events.length === 0) return decision(state as Frozen<State>, command.data, context);
  return [...settled.events, ...decision(settled.state, command.data, context)];
}
