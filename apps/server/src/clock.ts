import { parseArgs } from 'node:util';
import { configuration } from '#configuration';
import { instantOf } from '#http';
import { badConfiguration, StartupFailure } from '#program';
import { agreeTo, readJump } from './trusted-clock/clock-files.js';

// Shows what a server has found wrong with its clock, and tells it that the clock is right.

const usage = `Usage: npm run clock -- show
       npm run clock -- agree TIME
Run it where the server runs, with its DATA_DIR. TIME is the present time, or the day, as you know it from elsewhere.`;

function misused(message: string): StartupFailure {
  return new StartupFailure(`${message}\n${usage}`, badConfiguration);
}

function answerPerson(): void {
  const [verb, text, ...more] = parseArgs({ allowPositionals: true }).positionals;
  if (!['show', 'agree'].includes(verb ?? '') || more.length > 0 || (verb === 'show') === (text !== undefined))
    throw misused('Say show, or agree and a time.');
  const { dataDirectory, clockJumpMaxSeconds } = configuration({ ...process.env, HOST: '' });
  const jump = readJump(dataDirectory);
  const here = new Date().toISOString();
  if (verb === 'show') {
    say(
      jump
        ? `The server does not trust its clock: it read ${jump.reads} where ${jump.expected} was expected. It reads ${here} now.\n` +
            `Where it is wrong, set it right: the server goes on by itself. Where it is right: npm run clock -- agree ${here.slice(0, 16)}Z`
        : `The server has found nothing wrong with its clock, which reads ${here}.`,
    );
    return;
  }
  const time = timeOf(text!);
  if (time === undefined) throw misused(`${JSON.stringify(text)} is no time: send 2026-11-29T16:00Z or 2026-11-29.`);
  if (!jump)
    throw new StartupFailure('There is nothing to agree to: the server has found nothing wrong with its clock.');
  if (Math.abs(Date.parse(here) - Date.parse(time)) > clockJumpMaxSeconds * 1_000)
    throw new StartupFailure(
      `The clock of this machine reads ${here}, not ${text}. Set it right; nothing was agreed to.`,
    );
  agreeTo(dataDirectory, time);
  say(`Agreed: it is ${time}. The server goes on with its next request, and says so in its log.`);
}

/** A time, with or without seconds; a day stands for its noon. */
function timeOf(text: string): string | undefined {
  const withTime = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T12:00:00Z` : text;
  return instantOf(withTime.replace(/^(.{10}T\d\d:\d\d)(?=Z|[+-])/i, '$1:00'));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  answerPerson();
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error;
  if (!(error instanceof StartupFailure || isUsage)) throw error;
  process.stderr.write(`${error.message}${isUsage ? `\n${usage}` : ''}\n`);
  process.exitCode = error instanceof StartupFailure ? error.exitCode : badConfiguration;
}
