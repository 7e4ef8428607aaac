import { badConfiguration } from './exit-codes.js';
import type { LogOutput } from './log-output.js';
import { StartupFailure } from './startup-failure.js';

/** `auto`: readable on a terminal, where pino-pretty is installed; else JSON. */
export const logFormats = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

/** How much a log says, from least to most but for `silent`. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The output of a log in the format that is asked for. Programs read JSON lines; people at a terminal read what pino-pretty makes of
 * them, in colours unless NO_COLOR is set.
 * @throws StartupFailure for `pretty` where pino-pretty, a package of development, is not installed
 */
export async function formatted(
  output: LogOutput,
  format: LogFormat,
  isTerminal: boolean = process.stdout.isTTY,
): Promise<LogOutput> {
  if (format === 'json' || (format === 'auto' && !isTerminal)) return output;
  const readable = await readableForm();
  if (readable) return { ...output, write: (text) => output.write(text.startsWith('{') ? readable(text) : text) };
  if (format === 'auto') return output;
  throw new StartupFailure(
    'The configuration is not right:\n  LOG_FORMAT must be json or auto here: pino-pretty, which makes a log readable, is not installed',
    badConfiguration,
  );
}

/** One line of JSON as a line for people. */
async function readableForm(): Promise<((line: string) => string) | undefined> {
  try {
    const { prettyFactory } = await import('pino-pretty');
    return prettyFactory({
      translateTime: 'SYS:HH:MM:ss',
      singleLine: true,
      ignore: 'pid,hostname,method,route,status,ms',
      messageFormat: '{msg}{if method} {method} {route} {status} in {ms} ms{end}',
    }) as (line: string) => string;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
