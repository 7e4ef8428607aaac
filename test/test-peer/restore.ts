import { decodeRecordedEvent } from './recorded-event.js';
import type { TestPeer } from './test-peer.js';

/**
 * The server stops, its database is restored as it was when it ended at a position, `others` write to it, and it starts
 * again. What `others` write comes to stand where the lost events stood.
 */
export async function restore(peer: TestPeer, end: number, others: () => void): Promise<void> {
  const { log } = peer;
  await peer.kill();
  const kept = log.records
    // The first is the server's own: it writes it into every new database.
    .filter(({ position }, index) => index > 0 && position <= end)
    .map(({ bytes }) => decodeRecordedEvent(bytes));
  log.wipe();
  for (const event of kept) log.append(event.stream, [event], -2);
  if (log.head() !== end) throw new Error(`The database ends at ${log.head()}, not at ${end} as it did`);
  others();
  await peer.start();
}
