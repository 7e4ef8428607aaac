/**
 * Just enough of the protobuf wire format to write what is sent by the thousand. The generated classes take five times as
 * long; and since the client reads with those classes, a mistake in them cannot cancel itself out here.
 */
export type Field =
  | { readonly number: number; readonly bytes: Uint8Array }
  | { readonly number: number; readonly varint: number | bigint };

export function message(...fields: readonly (Field | undefined)[]): Buffer {
  let size = 0;
  for (const field of fields) if (field) size += sizeOf(field);
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const field of fields) {
    if (!field) continue;
    if ('bytes' in field) {
      target[at++] = (field.number << 3) | 2;
      at = writeVarint(target, at, field.bytes.length);
      target.set(field.bytes, at);
      at += field.bytes.length;
    } else {
      target[at++] = field.number << 3;
      at = writeVarint(target, at, field.varint);
    }
  }
  return target;
}

function sizeOf(field: Field): number {
  return 'bytes' in field ? 1 + varintSize(field.bytes.length) + field.bytes.length : 1 + varintSize(field.varint);
}

function varintSize(value: number | bigint): number {
  let size = 1;
  if (typeof value === 'bigint') for (let rest = value >> 7n; rest > 0n; rest >>= 7n) size++;
  else for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

function writeVarint(target: Buffer, at: number, value: number | bigint): number {
  if (typeof value === 'bigint') {
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) target[at++] = Number(rest & 127n) | 128;
    target[at++] = Number(rest);
    return at;
  }
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 128;
  target[at++] = rest;
  return at;
}

export const text = (value: string): Buffer => Buffer.from(value, 'utf8');
export const nothing = Buffer.alloc(0);
