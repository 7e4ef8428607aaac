import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/** What happened at once: the events of one append, the positions of one scavenge, or a start of the server. */
export type LogEntry =
  | { readonly kind: 'events'; readonly events: readonly Uint8Array[] }
  | { readonly kind: 'scavenge'; readonly positions: readonly number[] }
  | { readonly kind: 'start' };

export interface LogFile {
  read(): readonly LogEntry[];
  /** When it returns, the entry outlives the process; not a power cut, as nothing is synced. */
  write(entry: LogEntry): void;
  clear(): void;
  close(): void;
}

const kinds = ['events', 'scavenge', 'start'] as const;

export function openLogFile(path: string): LogFile {
  const file = openSync(path, 'a+');

  function read(): readonly LogEntry[] {
    const bytes = Buffer.alloc(fstatSync(file).size);
    for (let at = 0; at < bytes.length;) at += readSync(file, bytes, at, bytes.length - at, at);
    const entries: LogEntry[] = [];
    let at = 0;
    while (at + 5 <= bytes.length) {
      const end = at + 5 + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      entries.push(decode(bytes[at + 4] ?? 0, bytes.subarray(at + 5, end)));
      at = end;
    }
    // A process killed in the middle of a long write leaves half an entry, which was never acknowledged.
    if (at < bytes.length) ftruncateSync(file, at);
    return entries;
  }

  function write(entry: LogEntry): void {
    const body = encode(entry);
    const head = Buffer.alloc(5);
    head.writeUInt32LE(body.length, 0);
    head.writeUInt8(kinds.indexOf(entry.kind), 4);
    const whole = Buffer.concat([head, body]);
    for (let at = 0; at < whole.length;) at += writeSync(file, whole, at);
  }

  return { read, write, clear: () => ftruncateSync(file, 0), close: () => closeSync(file) };
}

function encode(entry: LogEntry): Buffer {
  switch (entry.kind) {
    case 'events':
      return Buffer.concat(
        entry.events.flatMap((event) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(event.length);
          return [length, event];
        }),
      );
    case 'scavenge':
      return Buffer.from(JSON.stringify(entry.positions));
    case 'start':
      return Buffer.alloc(0);
  }
}

function decode(kind: number, body: Buffer): LogEntry {
  switch (kinds[kind]) {
    case 'events': {
      const events: Uint8Array[] = [];
      for (let at = 0; at < body.length;) {
        const end = at + 4 + body.readUInt32LE(at);
        events.push(body.subarray(at + 4, end));
        at = end;
      }
      return { kind: 'events', events };
    }
    case 'scavenge':
      return { kind: 'scavenge', positions: JSON.parse(body.toString()) as number[] };
    case 'start':
      return { kind: 'start' };
    default:
      throw new Error(`The file is not the log of a test peer: it has an entry of kind ${kind}`);
  }
}
