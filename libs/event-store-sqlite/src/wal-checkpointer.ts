// The body of the checkpoint thread. It must not import any file of ours: Node loads it as it stands here when the
// tests run from source, and as compiled JavaScript in production.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { CheckpointOrders } from './checkpoint-thread.js';

const { path, interval, restartBytes, shared } = workerData as CheckpointOrders;
const counters = new Int32Array(shared);
// No waiting: a checkpoint that finds the way barred tries again at the next tick.
const database = new Database(path, { fileMustExist: true, timeout: 0 });
database.pragma('synchronous = FULL');
database.pragma('wal_autocheckpoint = 0');
const pageBytes = database.pragma('page_size', { simple: true }) as number;

let seen = -1;
let lagging = true;

const ticking = setInterval(() => {
  const commits = Atomics.load(counters, 0);
  if (commits === seen && !lagging) return;
  seen = commits;
  try {
    const started = performance.now();
    let log = checkpoint('PASSIVE');
    // A busy log is never checkpointed to its very end, so it never restarts and only grows. RESTART holds writers
    // off while it copies the rest, which is little right after the passive one.
    if (log.frames * pageBytes > restartBytes) {
      log = checkpoint('RESTART');
      if (!log.barred) Atomics.add(counters, 5, 1);
    }
    lagging = log.barred || log.copied < log.frames;
    Atomics.store(counters, 1, log.frames - log.copied);
    Atomics.store(counters, 2, Math.round(performance.now() - started));
    Atomics.add(counters, 3, 1);
  } catch {
    // A full disk, say. The log keeps everything; what it needs is another try.
    lagging = true;
    Atomics.add(counters, 4, 1);
  }
}, interval);

parentPort?.once('message', () => {
  clearInterval(ticking);
  database.close();
});

function checkpoint(mode: 'PASSIVE' | 'RESTART') {
  const [result] = database.pragma(`wal_checkpoint(${mode})`) as [{ busy: number; log: number; checkpointed: number }];
  return { barred: result.busy !== 0, frames: result.log, copied: result.checkpointed };
}
