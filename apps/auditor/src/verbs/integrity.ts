import { Presets, SingleBar } from 'cli-progress';
import { LogDamaged, readLedger } from '#event-sourcing';
import { checkIntegrity, type IntegrityFinding, type IntegrityReport } from '#event-store-sqlite';
import { ForeignViews, refuseForeignViews, UnreadableViews, viewsFileIn } from '#projector';
import { openEventLog, requireEventLog, type EventLog } from '#event-log';
import { checkLog } from '../log-check.js';

// Checks every stored event of a ledger. It only reads, so servers may run meanwhile. For a file it checks more than
// for a database: its structure, its triggers, and which positions have ever been used. The exit code is 0 without
// findings and 1 with findings.

const shownFindings = 1_000;

/** A line for every finding, and the total at the end. */
function linesOf({ events, streams, position, findings }: IntegrityReport): readonly string[] {
  const more = findings.length - shownFindings;
  return [
    ...findings.slice(0, shownFindings).map(({ problem, message }) => `${problem}: ${message}`),
    ...(more > 0 ? [`… and ${more} more findings`] : []),
    `${events} events of ${streams} streams checked, up to position ${position}: ` +
      (findings.length === 0 ? 'all of them are as they were written.' : `${findings.length} findings.`),
    unseen,
  ];
}

/** Printed every time: readers of the result must know what the check cannot find. */
const unseen =
  'No check of this log alone can notice that its newest events were removed together with every trace of them, or that events were ' +
  'rewritten with new hashes up to the end of their stream: compare the log with a copy that is kept elsewhere.';

/** The views record which event they have read last: a log without it has become shorter. */
async function lostSinceProjected(log: EventLog, directory: string): Promise<readonly IntegrityFinding[]> {
  const { unverified: store, connect } = await openEventLog(log, { readOnly: true });
  try {
    await connect();
    const ledger = await readLedger(store);
    await refuseForeignViews(viewsFileIn(directory), ledger?.ledgerId, store);
    return [];
  } catch (error) {
    // Unreadable views prove nothing, and damage of the log has been found already.
    if (error instanceof UnreadableViews || error instanceof LogDamaged) return [];
    if (error instanceof ForeignViews) return [{ problem: 'shorterThanViews', message: error.message }];
    throw error;
  } finally {
    await store.close();
  }
}

async function checkDatabase(log: EventLog, onProgress: Progress): Promise<IntegrityReport> {
  const { unverified: store, connect } = await openEventLog(log, { readOnly: true });
  try {
    await connect();
    return await checkLog(store, onProgress);
  } finally {
    await store.close();
  }
}

type Progress = (done: number, total: number) => void;

/** A bar on a terminal. It goes to standard error, so that the report can be redirected. */
function progressShown(): { readonly step: Progress; readonly stop: () => void } {
  if (!process.stderr.isTTY) return { step: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { format: 'Checking {bar} {percentage}%', hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  let begun = false;
  return {
    step(done, total) {
      if (!begun) bar.start(total, 0);
      begun = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

export async function checkLedger(directory: string, { json }: { readonly json: boolean }): Promise<void> {
  const log = requireEventLog(process.env, directory);
  const progress = progressShown();
  const report = await reportOn(log, directory, progress.step).finally(progress.stop);
  if (json) console.log(JSON.stringify(report));
  else for (const line of linesOf(report)) console.log(line);
  process.exitCode = report.findings.length === 0 ? 0 : 1;
}

async function reportOn(log: EventLog, directory: string, onProgress: Progress): Promise<IntegrityReport> {
  const checked =
    log.store === 'sqlite'
      ? await checkIntegrity(log.eventsFile, { onProgress })
      : await checkDatabase(log, onProgress);
  const lost = checked.findings.some(({ problem }) => problem === 'versionChanged')
    ? []
    : await lostSinceProjected(log, directory);
  return { ...checked, findings: [...checked.findings, ...lost] };
}
