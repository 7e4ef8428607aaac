import type { FastifyRequest } from 'fastify';
import { badRequest, Problem, type ProblemMembers } from './problem.js';

// Strong tags of a relationship: its revision, the form that it is shown in, which names the partner too, and the latest
// deadline that has passed for what is shown. `If-Match` compares the revision alone: passing time is not a lost update. So
// does `If-None-Match` of a command. For a question, `If-None-Match` compares the whole tag: once something has expired, a
// cached copy is out of date.

/**
 * The tag of a representation (RFC 9110, 8.8.3). Another form of the representation has another tag, even at the same
 * revision: one address shows each partner a relationship of its own.
 * @param form two words with a dot between
 * @param passed the latest deadline that has passed, an instant
 */
export function entityTag(revision: number, form: string, passed?: string): string {
  return `"${revision}.${form}${passed === undefined ? '' : `@${passed}`}"`;
}

/** What a precondition names: any relationship that exists, or one at these revisions, which may be none at all. */
export type NamedRevisions = 'exists' | readonly number[];

const anything = /^[ \t]*\*[ \t]*$/;
// One element of a list, which may be empty (RFC 9110, 5.6.1); a tag may have a comma in it.
const element = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y;
const ours = /^(0|[1-9]\d{0,15})\.([\w-]+\.[\w-]+)(?:@[\dTZ:.-]{1,32})?$/;

/**
 * Reads `If-Match` of a command. A tag of another form, such as that of another partner, names no revision, and neither does
 * a weak one: the comparison is strong (RFC 9110, 13.1.1).
 * @throws Problem 400
 */
export function ifMatch(header: string, form: string): NamedRevisions {
  return revisionsIn('If-Match', header, form, ({ weak }) => !weak);
}

/** Reads `If-None-Match` of a command; the comparison is weak (RFC 9110, 13.1.2). @throws Problem 400 */
export function ifNoneMatch(header: string, form: string): NamedRevisions {
  return revisionsIn('If-None-Match', header, form, () => true);
}

function revisionsIn(name: string, header: string, form: string, counts: (tag: Tag) => boolean): NamedRevisions {
  if (anything.test(header)) return 'exists';
  return tagsIn(name, header).flatMap((tag) => {
    const match = counts(tag) && ours.exec(tag.value);
    return match && match[2] === form ? [Number(match[1])] : [];
  });
}

type Headers = Readonly<Record<string, string>>;

/** The problem of a precondition that does not hold. */
export function preconditionFailed(
  field: 'If-Match' | 'If-None-Match',
  members: ProblemMembers = {},
  headers: Headers = {},
): Problem {
  const detail = field === 'If-Match' ? 'must name what is there' : 'must not name what is there';
  return new Problem('PreconditionFailed', { ...members, errors: [{ pointer: field, detail }] }, headers);
}

/**
 * `If-Match` counts for questions too (RFC 9110, 13.1.1): a tag that the answer does not have is refused. The answer is not an
 * error, or the field would not be looked at (13.2.1).
 * @throws Problem 400, 412
 */
export function requireMatch({ method, headers }: FastifyRequest, answered: Headers): void {
  const sent = headers['if-match'];
  if (sent === undefined || (method !== 'GET' && method !== 'HEAD') || anything.test(sent)) return;
  const { ETag: current, 'Ledger-Position': place } = answered;
  const named = tagsIn('If-Match', sent).filter(({ weak }) => !weak);
  if (current !== undefined && named.some(({ value }) => timeless(`"${value}"`) === timeless(current))) return;
  throw preconditionFailed(
    'If-Match',
    {},
    {
      ...(current === undefined ? {} : { ETag: current }),
      ...(place === undefined ? {} : { 'Ledger-Position': place }),
    },
  );
}

function timeless(tag: string): string {
  return tag.replace(/@.*$/, '"');
}

/** For a method that changes something that exists and has no tag: no tag matches. @throws Problem 400, 412 */
export function requireUntagged({ 'if-match': match, 'if-none-match': noneMatch }: FastifyRequest['headers']): void {
  if (match !== undefined && !anything.test(match)) {
    tagsIn('If-Match', match);
    throw preconditionFailed('If-Match');
  }
  if (noneMatch === undefined) return;
  if (anything.test(noneMatch)) throw preconditionFailed('If-None-Match');
  tagsIn('If-None-Match', noneMatch);
}

/** Whether `If-None-Match` of a question names the tag (weak comparison) or is `*`. @throws Problem 400 */
export function noneMatch(header: string | undefined, current: string): boolean {
  if (header === undefined) return false;
  if (anything.test(header)) return true;
  const plain = current.replace(/^W\//, '');
  return tagsIn('If-None-Match', header).some(({ value }) => `"${value}"` === plain);
}

interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

/** A list may be empty: it names nothing. */
function tagsIn(name: string, header: string): Tag[] {
  const tags: Tag[] = [];
  let read = 0;
  while (read < header.length) {
    element.lastIndex = read;
    const match = element.exec(header);
    if (!match) throw badRequest('InvalidHeader', name, 'must be * or entity tags in quotes');
    if (match[2] !== undefined) tags.push({ weak: match[1] !== undefined, value: match[2] });
    read = element.lastIndex;
  }
  return tags;
}
