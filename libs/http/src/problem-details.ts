import { problemTexts, type HttpProblemCode } from './problem-texts.js';
import type { FieldError, Problem } from './problem.js';

// The `detail` of a refusal by HTTP itself, for one occurrence: what holds, and what to do next. refusal-details.ts does the same
// for the domain. Where nothing is known of the occurrence, the text of its code is used.

type Occurrence = Pick<Problem, 'members' | 'headers'>;

/** The first fault in full, and how many more there are. */
function firstOf(errors: readonly FieldError[] | undefined): string | undefined {
  const [first, ...others] = errors ?? [];
  if (!first) return undefined;
  return `${sentenceOf(first)}${others.length === 0 ? '' : `; ${moreFaults(others.length)}`}.`;
}

export function moreFaults(count: number): string {
  return `${count === 1 ? '1 more fault is' : `${count} more faults are`} in errors`;
}

/** The detail may name the place itself, as class-validator does, or be a whole sentence. */
function sentenceOf({ pointer, detail }: FieldError): string {
  if (/^[A-Z]/.test(detail)) return detail;
  const place = pointer.replace(/^\//, '');
  const name = place.slice(place.lastIndexOf('/') + 1);
  const said = name !== '' && detail.startsWith(`${name} `) ? detail.slice(name.length + 1) : detail;
  return `${place === '' ? 'The body' : place} ${said}${nextAfter[said] ?? ''}`;
}

/** Added to faults that do not say what to send instead. */
const nextAfter: Readonly<Record<string, string>> = {
  'is required': ': send it',
  'is not known here': ': leave it out',
};

const faults = ({ members }: Occurrence) => firstOf(members.errors);

const ofToken: Readonly<Record<string, string>> = {
  malformed: 'It is not a signed JWT. Send Authorization: Bearer with a token of the configured issuer.',
  expired: 'It has expired. Ask the issuer for a new one.',
  signature: 'No key of the issuer has signed it. Send a token of the configured issuer.',
  nbf: 'It is not valid yet. Wait until it is, or correct the clocks.',
  aud: 'It is meant for another server (aud). Ask the issuer for a token for this one.',
  iss: 'It comes from another issuer (iss). Send a token of the configured issuer.',
  tid: 'Its tenant (tid) is missing, no GUID, or not one that its issuer speaks for. Ask that tenant’s issuer for a token.',
  typ: 'It is no access token (typ). Send an access token: not an ID token, nor a refresh token.',
  alg: 'It is signed with an algorithm that is not accepted (alg). Ask the issuer for a token that is signed with another.',
  crit: 'It has an extension that is not known here (crit). Ask the issuer for a token without it.',
  lifetime: 'It is good for longer than this server allows. Ask the issuer for a token that ends sooner.',
  iat: 'It was issued in the future (iat). Correct the clocks.',
  nonce: 'It is an ID token, which is for the program that you sign in to. Send an access token.',
};

const ofPosition: Readonly<Record<string, (head: unknown) => string>> = {
  anotherLedger: () => 'It belongs to another ledger. Ask without it, and use the positions of this one.',
  beyondHead: (head) => `It lies beyond the head of this ledger, ${String(head)}. Ask for a position up to that one.`,
  lostInRestore: (head) =>
    `It belongs to a history that was lost when the ledger was restored from a backup; its head is ${String(head)}. Ask without it, and read again.`,
};

const ofPast: Readonly<Record<string, string>> = {
  busy: 'Too many past lists wait to be made. Retry later.',
  diskFull: 'The disk is too full to make it. Retry later, or ask the operator.',
  failed: 'Making it has failed; the log of the server has the cause. Retry later, or ask the operator.',
};

const ofCode: Partial<Readonly<Record<HttpProblemCode, (of: Occurrence) => string | false | undefined>>> = {
  MalformedBody: (of) => {
    const said = faults(of);
    return said !== undefined && `${said} ${problemTexts['MalformedBody']!.detail}`;
  },
  InvalidBody: faults,
  InvalidPath: faults,
  InvalidQuery: faults,
  InvalidHeader: faults,
  MediaTypeNotSupported: faults,
  LedgerPositionUnknown: ({ members: { reason, head } }) => ofPosition[String(reason)]?.(head),
  InvalidToken: ({ members: { reason } }) =>
    ofToken[String(reason)] ??
    (typeof reason === 'string' && `Its claim ${reason} is missing or wrong. Ask the issuer for a token with it.`),
  PartnerUnknown: ({ members: { tenant } }) =>
    typeof tenant === 'string' &&
    `The tenant ${tenant} is not one of them. Ask the operator to add it to the partners file.`,
  MethodNotAllowed: ({ headers: { Allow } }) => Allow !== undefined && `Send it with one of these: ${Allow}.`,
  NotAcceptable: ({ members: { offered } }) =>
    Array.isArray(offered) && `Ask for one of these: ${offered.map(String).join(', ')}.`,
  PreconditionFailed: ({ members: { revision, errors } }) => {
    if (errors?.[0]?.pointer === 'If-None-Match')
      return `If-None-Match names what is there${typeof revision === 'number' ? `: it exists, at revision ${revision}` : ''}. To change what exists, send the command without it.`;
    if (typeof revision === 'number')
      return `It is at revision ${revision} now. Read it again, and send the ETag of what you have read.`;
    return revision === null
      ? 'There is no such relationship, so If-Match cannot match. Send the command without it.'
      : 'What is there has another ETag, or none. Send the request without If-Match.';
  },
  TooManyStreams: ({ members: { limit } }) =>
    typeof limit === 'number' &&
    `${limit} are open, which is the limit. End one of them, or read the history page by page.`,
  TooManyRequests: ({ headers: { 'Retry-After': seconds } }) =>
    seconds !== undefined && `Nothing was attempted. Send it again ${inSeconds(seconds)}.`,
  PolicyUnknown: ({ members: { details } }) => {
    const { policy } = (details ?? {}) as { readonly policy?: unknown };
    return (
      typeof policy === 'string' &&
      `The policy in force then was ${policy}. Ask a server of a release that has it: under another policy the answer would be wrong.`
    );
  },
  ClockNotTrusted: ({ members: { clock } }) =>
    clock !== undefined &&
    `It reads ${clock.reads}, and ${clock.expected} was expected. Nothing was attempted. Ask the operator to set it right, or to agree by npm run clock -- agree.`,
  ViewBehind: ({ members: { position } }) =>
    typeof position === 'string' &&
    `The view has reached position ${position}. Retry, or wait longer with Prefer: wait=n.`,
  AsOfUnavailable: ({ members: { reason } }) => ofPast[String(reason)],
};

function inSeconds(seconds: string): string {
  return `in ${seconds} ${seconds === '1' ? 'second' : 'seconds'}`;
}

/** What holds and what to do next, in the words of this occurrence where it has them. */
export function detailOfProblem(code: string, occurrence: Occurrence): string {
  const said = (ofCode as Partial<Record<string, (of: Occurrence) => string | false | undefined>>)[code]?.(occurrence);
  return said === false || said === undefined ? problemTexts[code]!.detail : said;
}
