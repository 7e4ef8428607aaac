import { badRequest } from './problem.js';

// Strong tags of a relationship: its revision, the version of its representation, and the latest deadline that has
// passed for what is shown. `If-Match` compares the revision alone: passing time is not a lost update. `If-None-Match`
// compares the whole tag: once something has expired, a cached copy is out of date.

/**
 * The tag of a representation (RFC 9110). Another version of the representation has another tag, even at the same revision.
 * @param passed the latest deadline that has passed, an instant
 */
export function entityTag(revision: number, representation: number, passed?: string): string {
  return `"${revision}.${representation}${passed === undefined ? '' : `@${passed}`}"`;
}

/** What `If-Match` asks for: any existing relationship, one of these revisions, or none that can match. */
export type Precondition = { readonly any: true } | { readonly any: false; readonly revisions: readonly number[] };

// One element of a list, which may be empty (RFC 9110, 5.6.1); a tag may have a comma in it.
const element = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y;
const ours = /^(0|[1-9]\d{0,15})\.(\d{1,6})(?:@[\dTZ:.-]{1,32})?$/;

/**
 * Reads `If-Match`. A tag of another form names no revision; weak tags never match strongly, so sending one is a mistake.
 * @throws Problem 400
 */
export function ifMatch(header: string, representation: number): Precondition {
  if (header.trim() === '*') return { any: true };
  const revisions = tagsIn('If-Match', header).flatMap(({ weak, value }) => {
    if (weak) throw badRequest('InvalidHeader', 'If-Match', 'must be a strong entity tag, as answers bring it');
    const match = ours.exec(value);
    return match && Number(match[2]) === representation ? [Number(match[1])] : [];
  });
  return { any: false, revisions };
}

/** Whether `If-None-Match` names the tag (weak comparison) or is `*`. @throws Problem 400 */
export function noneMatch(header: string | undefined, current: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const plain = current.replace(/^W\//, '');
  return tagsIn('If-None-Match', header).some(({ value }) => `"${value}"` === plain);
}

function tagsIn(name: string, header: string): { readonly weak: boolean; readonly value: string }[] {
  const tags: { weak: boolean; value: string }[] = [];
  let read = 0;
  while (read < header.length) {
    element.lastIndex = read;
    const match = element.exec(header);
    if (!match) break;
    if (match[2] !== undefined) tags.push({ weak: match[1] !== undefined, value: match[2] });
    read = element.lastIndex;
  }
  if (read < header.length || tags.length === 0)
    throw badRequest('InvalidHeader', name, 'must be * or entity tags in quotes');
  return tags;
}
