/**
 * A whole number of 52 bits that stands for a text in an index. It is small, fast to compute and never changes. Collisions are
 * rare and do no harm, because every event that an index finds is compared with the request.
 */
export function fingerprint(text: string): number {
  // cyrb53: two multiplicative hashes of 32 bits over the UTF-16 code units, mixed into one another at the end.
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (low & 0xfffff) * 2 ** 32 + (high >>> 0);
}
