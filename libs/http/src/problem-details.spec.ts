import { describe, expect, it } from '@jest/globals';
import { whatIsWrongWith } from '../../../test/refusal-text.js';
import { detailOfProblem } from './problem-details.js';
import type { ProblemMembers } from './problem.js';
import { httpProblems, problemTexts } from './problem-texts.js';

const fault = (pointer: string, detail = 'must be an object') => ({ pointer, detail });
const errors = (...faults: readonly ReturnType<typeof fault>[]) => ({ errors: faults });

describe('The detail of a refusal by HTTP itself', () => {
  it.each(Object.values(httpProblems).flatMap((texts) => Object.keys(texts)))(
    '%s says what to do next where nothing more is known',
    (code) => {
      expect(whatIsWrongWith(detailOfProblem(code, { members: {}, headers: {} }))).toEqual([]);
    },
  );

  it.each<[string, ProblemMembers, Record<string, string>, string]>([
    ['InvalidBody', errors(fault('/lineItems/0')), {}, 'lineItems/0 must be an object.'],
    ['InvalidBody', errors(fault('')), {}, 'The body must be an object.'],
    [
      'InvalidBody',
      errors(fault('/lineItems/0'), fault('/name')),
      {},
      'lineItems/0 must be an object; 1 more fault is in errors.',
    ],
    [
      'InvalidBody',
      errors(fault('/lineItems/0'), fault('/name'), fault('/price')),
      {},
      'lineItems/0 must be an object; 2 more faults are in errors.',
    ],
    ['InvalidBody', errors(fault('/name', 'is required')), {}, 'name is required: send it.'],
    ['InvalidBody', errors(fault('/colour', 'is not known here')), {}, 'colour is not known here: leave it out.'],
    // As class-validator says it.
    ['InvalidBody', errors(fault('/price/low', 'low must be a number')), {}, 'price/low must be a number.'],
    ['InvalidPath', errors(fault('customerId', 'must be a GUID')), {}, 'customerId must be a GUID.'],
    ['InvalidQuery', errors(fault('limit', 'must be a number')), {}, 'limit must be a number.'],
    ['InvalidHeader', errors(fault('If-Match', 'must be * or tags')), {}, 'If-Match must be * or tags.'],
    ['MethodNotAllowed', {}, { Allow: 'GET, HEAD' }, 'Send it with one of these: GET, HEAD.'],
    ['NotAcceptable', { offered: ['application/json'] }, {}, 'Ask for one of these: application/json.'],
    ['TooManyRequests', {}, { 'Retry-After': '1' }, 'Nothing was attempted. Send it again in 1 second.'],
  ])('%s of %j says what holds', (code, members, headers, expected) => {
    expect(detailOfProblem(code, { members, headers })).toBe(expected);
  });

  it.each([
    ['MalformedBody', errors(fault('', 'The body is not UTF-8'))],
    ['LedgerPositionUnknown', { reason: 'anotherLedger' }],
    ['LedgerPositionUnknown', { reason: 'beyondHead', head: '7' }],
    ['LedgerPositionUnknown', { reason: 'lostInRestore', head: '7' }],
    ...['malformed', 'expired', 'signature', 'nbf', 'aud', 'iss', 'tid'].map(
      (reason) => ['InvalidToken', { reason }] as const,
    ),
    ['PartnerUnknown', { tenant: 't' }],
    ['PreconditionFailed', { revision: 3 }],
    ['PreconditionFailed', { revision: null }],
    ['PreconditionFailed', {}],
    ['TooManyStreams', { limit: 3 }],
    ['PolicyUnknown', { details: { policy: 'of-later' } }],
    ['ClockNotTrusted', { clock: { reads: '2027-11-29T20:00:00.000Z', expected: '2026-11-29T20:00:00.000Z' } }],
    ['ViewBehind', { position: '7' }],
    ...['busy', 'diskFull', 'failed'].map((reason) => ['AsOfUnavailable', { reason }] as const),
  ] as const)('%s of %j is about this occurrence', (code, members) => {
    const detail = detailOfProblem(code, { members, headers: {} });
    expect(detail).not.toBe(problemTexts[code]!.detail);
    expect(whatIsWrongWith(detail)).toEqual([]);
  });
});
