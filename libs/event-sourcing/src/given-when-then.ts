import { expect } from '@jest/globals';
import { decideOn, fold, type Decider } from './decider.js';
import type { Frozen, MessageOf } from './message.js';
import { Rejection } from './rejection.js';

/** Given events, when a command, then events or a rejection: a test of a decider that reads as a sentence. */
export function specification<Commands, Events, State, Context>(
  decider: Decider<Commands, Events, State, Context>,
  defaultContext: Context,
) {
  type Given = readonly (MessageOf<Events> | readonly MessageOf<Events>[])[];

  return {
    given: (...history: Given) => ({
      /** Decides on what the history leads to; a part of the context may differ from the default. */
      when(command: MessageOf<Commands>, context: Partial<Context> = {}) {
        const events = history.flat() as MessageOf<Events>[];
        const decide = () =>
          decideOn(decider, fold(decider, events), command, { ...defaultContext, ...context }).map(
            ({ type, data }) => ({ type, data }),
          );
        return {
          /** Exactly these events, in this order. */
          then(...expected: MessageOf<Events>[]) {
            expect(decide()).toEqual(expected);
          },
          /** These events by name, in this order. */
          thenNames(...expected: MessageOf<Events>['type'][]) {
            expect(decide().map(({ type }) => type)).toEqual(expected);
          },
          /** Refused with this code and at least these details. */
          rejects(code: string, details: object = {}) {
            let refusal: unknown;
            try {
              decide();
            } catch (error) {
              refusal = error;
            }
            expect(refusal).toBeInstanceOf(Rejection);
            const { code: actual, details: actualDetails } = refusal as Rejection;
            expect({ code: actual, details: actualDetails }).toEqual({
              code,
              details: expect.objectContaining(details),
            });
          },
        };
      },
      /** The state that the history leads to. */
      state(): Frozen<State> {
        return fold(decider, history.flat() as MessageOf<Events>[]) as Frozen<State>;
      },
    }),
  };
}
