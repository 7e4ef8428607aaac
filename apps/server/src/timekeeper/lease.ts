import { RevisionConflict, sealOwn, streamEnd, type EventStore, type MessageOf, type Seal } from '#event-sourcing';
import { lastOf } from '../last-of-stream.js';
import { timekeeperCodec, timekeeperStream, type TimekeeperEvents } from './timekeeper-events.js';

/** Who of several servers records what time brings about. */
export interface Lease {
  /** Takes it, unless another server has it. */
  readonly take: (now: string) => Promise<boolean>;
  readonly isHeld: (now: string) => boolean;
  /** Gives it back, so that another server need not wait for its end. */
  readonly release: (now: string) => Promise<void>;
}

/** Of a log that one server has to itself: nothing is written. */
export const noLease: Lease = { take: async () => true, isHeld: () => true, release: async () => undefined };

export interface LeaseOptions {
  readonly store: EventStore;
  readonly seal: Seal;
  /** This run of this server. */
  readonly holder: string;
  readonly seconds: number;
  readonly onElected?: (elected: TimekeeperEvents['TimekeeperElected']) => void;
}

/**
 * The lease is the last event of a stream that all servers share. The store lets one of them append after what all have
 * read. It saves work and no more: what two holders send at once counts once, as what two callers send does. So an
 * expiry by the clock is enough, though a server may be frozen while it holds the lease.
 */
export function leaseOn({ store, seal, holder, seconds, onElected }: LeaseOptions): Lease {
  let end = streamEnd(undefined);
  let until = '';

  /** The lease that stands now, whoever has it. */
  async function standing(now: string): Promise<TimekeeperEvents['TimekeeperElected'] | undefined> {
    const last = await lastOf(store, timekeeperStream, end.revision);
    end = streamEnd(last);
    const event = last && timekeeperCodec.decode(last);
    return event?.type === 'TimekeeperElected' && now <= event.data.until ? event.data : undefined;
  }

  /** False when another server has appended first. */
  async function append({ type, data }: MessageOf<TimekeeperEvents>, now: string): Promise<boolean> {
    const fact = { type, data, schema: timekeeperCodec.schemaOf(type) };
    const sealed = sealOwn(seal, timekeeperStream, end, now, [fact]);
    try {
      const { revision } = await store.append(timekeeperStream, sealed, end.revision);
      end = streamEnd({ ...sealed.at(-1)!, revision });
      return true;
    } catch (error) {
      if (error instanceof RevisionConflict) return false;
      throw error;
    }
  }

  const isHeld = (now: string) => now <= until;
  return {
    isHeld,
    async take(now) {
      if (isHeld(now)) return true;
      const known = await standing(now);
      // An election of ours whose outcome was unknown counts.
      if (known) until = known.holder === holder ? known.until : '';
      if (known) return isHeld(now);
      const elected = { holder, until: new Date(Date.parse(now) + seconds * 1000).toISOString() };
      if (!(await append({ type: 'TimekeeperElected', data: elected }, now))) return false;
      until = elected.until;
      onElected?.(elected);
      return true;
    },
    async release(now) {
      if (!isHeld(now)) return;
      until = '';
      await append({ type: 'TimekeeperReleased', data: { holder } }, now);
    },
  };
}
