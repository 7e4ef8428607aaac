import type { Instant } from '#customer-relationship';
import { eventCodec } from '#event-sourcing';

/** The stream in which the servers of one log agree on which of them keeps time. It is no relationship, so projections do not see it. */
export const timekeeperStream = 'timekeeper';

// Stored for ever: never rename an event or a field.
export interface TimekeeperEvents {
  /** One server records what time brings about; until then the others leave it to that one. */
  TimekeeperElected: {
    /** A run of a server, which names itself so in its log. */
    readonly holder: string;
    readonly until: Instant;
  };
  /** It has stopped: another may take over at once. */
  TimekeeperReleased: { readonly holder: string };
}

export const timekeeperCodec = eventCodec<TimekeeperEvents>({
  events: { TimekeeperElected: 'TimekeeperElected', TimekeeperReleased: 'TimekeeperReleased' },
});
