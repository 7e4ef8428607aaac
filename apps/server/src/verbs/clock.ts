import { configuration } from '#configuration';
import { instantOf } from '#http';
import { BadUsage, StartupFailure } from '#program';
import { agreeTo, readJump } from '../trusted-clock/clock-files.js';

// Shows what a server has found wrong with its clock, and tells it that the clock is right.

export function showClock({ json }: { readonly json: boolean }): void {
  const jump = readJump(settings().dataDirectory);
  const reads = new Date().toISOString();
  if (json) return say(JSON.stringify({ trusted: !jump, reads, ...(jump ? { jump } : {}) }));
  say(
    jump
      ? `The server does not trust its clock: it read ${jump.reads} where ${jump.expected} was expected. It reads ${reads} now.\n` +
          `Where it is wrong, set it right: the server goes on by itself. Where it is right: npm run clock -- agree ${reads.slice(0, 16)}Z`
      : `The server has found nothing wrong with its clock, which reads ${reads}.`,
  );
}

/** @throws StartupFailure when there is nothing to agree to, or the clock of this machine reads another time */
export function agreeToClock(text: string, { json }: { readonly json: boolean }): void {
  const { dataDirectory, clockJumpMaxSeconds } = settings();
  const time = timeOf(text);
  if (time === undefined)
    throw new BadUsage(`${JSON.stringify(text)} is no time: send 2026-11-29T16:00Z or 2026-11-29.`);
  if (!readJump(dataDirectory))
    throw new StartupFailure('There is nothing to agree to: the server has found nothing wrong with its clock.');
  const here = new Date().toISOString();
  if (Math.abs(Date.parse(here) - Date.parse(time)) > clockJumpMaxSeconds * 1_000)
    throw new StartupFailure(
      `The clock of this machine reads ${here}, not ${text}. Set it right; nothing was agreed to.`,
    );
  agreeTo(dataDirectory, time);
  say(
    json
      ? JSON.stringify({ agreed: time })
      : `Agreed: it is ${time}. The server goes on with its next request, and says so in its log.`,
  );
}

/** A time, with or without seconds; a day stands for its noon. */
function timeOf(text: string): string | undefined {
  const withTime = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T12:00:00Z` : text;
  return instantOf(withTime.replace(/^(.{10}T\d\d:\d\d)(?=Z|[+-])/i, '$1:00'));
}

const settings = () => configuration({ ...process.env, HOST: '' });

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
