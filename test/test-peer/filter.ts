import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { LogRecord } from './log.js';

export interface EventFilter {
  readonly matches: (record: LogRecord) => boolean;
  /** How many events are considered at once. */
  readonly window: number;
  /** A checkpoint is sent each time this number of events has been considered. */
  readonly checkpointInterval: number;
}

/** The server's own page, when the client names no window. */
const defaultWindow = 32;

/** @throws SyntaxError when the pattern is none. The server's are .NET patterns; what is common to both languages will do. */
export function filterOf(options: streams.ReadReq.Options.FilterOptions): EventFilter {
  const onStream = options.getStreamIdentifier();
  const expression = onStream ?? options.getEventType();
  const textOf = onStream ? (record: LogRecord) => record.stream : (record: LogRecord) => record.type;
  const prefixes = expression?.getPrefixList() ?? [];
  const pattern = prefixes.length === 0 ? new RegExp(expression?.getRegex() ?? '') : undefined;
  const window = options.hasMax() ? options.getMax() : defaultWindow;
  return {
    matches: (record) => {
      const value = textOf(record);
      return pattern ? pattern.test(value) : prefixes.some((prefix) => value.startsWith(prefix));
    },
    window,
    checkpointInterval: window * options.getCheckpointintervalmultiplier(),
  };
}
