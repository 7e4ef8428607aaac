import type { Frozen, MessageOf, Name } from './message.js';

/** One decision for each command: throws a {@link Rejection} or returns the events, at least one. Pure. */
export type Decide<Commands, Events, State, Context> = {
  readonly [N in Name<Commands>]: (
    state: Frozen<State>,
    data: Commands[N],
    context: Context,
  ) => readonly MessageOf<Events>[];
};

/** One step for each event: writes into the state that {@link fold} has just made. Records, never judges, never throws. */
export type Evolve<Events, State> = { readonly [N in Name<Events>]: (state: State, data: Events[N]) => void };

/** An aggregate: where it starts, what it decides and how it changes. No base class, no framework. */
export interface Decider<Commands, Events, State, Context> {
  readonly initialState: () => State;
  readonly decide: Decide<Commands, Events, State, Context>;
  readonly evolve: Evolve<Events, State>;
}

/**
 * Folds events into a state of its own, starting from the initial one. The state is written in place, so nobody else
 * may hold it (folds that copy are quadratic).
 */
export function fold<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  events: Iterable<MessageOf<Events>>,
  state: State = decider.initialState(),
): State {
  const evolve = decider.evolve as Record<string, (state: State, data: unknown) => void>;
  for (const event of events) evolve[event.type]?.(state, event.data);
  return state;
}

/** Decides one command on one state. */
export function decideOn<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  state: State,
  command: MessageOf<Commands>,
  context: Context,
): readonly MessageOf<Events>[] {
  const decide = decider.decide as unknown as Record<
    string,
    (state: State, data: unknown, context: Context) => readonly MessageOf<Events>[]
  >;
  const decision = decide[command.type];
  if (!decision) throw new Error(`No decision for command ${command.type}`);
  return decision(state, command.data, context);
}
