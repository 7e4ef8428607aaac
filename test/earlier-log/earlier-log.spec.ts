import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Partner, Role } from '#customer-relationship';
import { embeddedKey, signToken } from '#http';
import { startServer, type ServerProcess } from '../server-process.js';

// A log that an earlier release has written over HTTP, with what it answered (record.mjs). Events are for ever: whatever
// release opens it gives the same answers about what has been, but for what stands below as a difference, with its reason.

interface Sent {
  readonly as: { readonly tenant: string; readonly roles: readonly Role[]; readonly app: boolean; readonly id: string };
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly answer: { readonly status: number; readonly body: any };
}

const from = resolve('test/earlier-log/of-0.1.0');
const lines = (name: string) =>
  readFileSync(join(from, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Sent);
const commands = lines('commands.ndjson');
const questions = lines('questions.ndjson');

/** What is answered otherwise now: of which questions, why, and how. */
const differences: readonly { readonly of: RegExp; readonly why: string; readonly change: (body: any) => void }[] = [
  {
    of: /\/explanations\//,
    why: 'Explanations name the release that decided, which events of then do not have, and when time alone has changed the row.',
    change(body) {
      if (body.events) body.byTime = null;
      for (const event of body.events ?? []) event.release = null;
    },
  },
  {
    of: /\/reseller-relationship\?asOfRevision=0$/,
    why: 'No support contact is available while the relationship is only requested (rules R17, R22).',
    change: (body) => (body.availableSupportContacts = []),
  },
  {
    of: /\/removal-readiness/,
    why: 'What waiting clears is cleared a millisecond after its inclusive end, and that is the date named.',
    change(body) {
      for (const blocker of body.blockers ?? [])
        if (/[wW]ait/.test(blocker.remedy) && blocker.earliestClearableAt)
          blocker.earliestClearableAt = new Date(Date.parse(blocker.earliestClearableAt) + 1).toISOString();
    },
  },
  {
    of: /^(?!.*\/explanations\/).*\/(items|software)\b/,
    why: 'Software says whether it renews; what was bought then was decided under no renewal (rule V7a).',
    change(body) {
      for (const row of body.items ?? []) if (row.item === 'softwarePurchase') row.autoRenew = false;
      if (body.purchaseId) body.autoRenew = false;
    },
  },
];

/** What rows say of the next boundary and of a removal, and what only the query of a list reads, is not what a log says. */
const ofTheView = new Set([
  'version',
  'dueAt',
  'dueCommand',
  'statusThen',
  'overdueSince',
  'ended',
  'lapsesAt',
  'passedInto',
  'retentionOrder',
  'furtherDisabledPeriod',
  'readiness',
]);
function withoutColumns(value: any): any {
  if (Array.isArray(value)) return value.map(withoutColumns);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([name]) => !ofTheView.has(name));
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutColumns(member)]));
}

/** Rules that were given a number, or found to govern a command, later; and what is said of a blocker besides: only more may come. */
const foundLater = ['D1', 'G4a', 'G6a', 'G8a', 'G8b', 'P1', 'R3', 'R23', 'T1a', 'T3', 'V5a', 'V7a'];
const ofThen = (rules: readonly string[]) => rules.filter((rule) => !foundLater.includes(rule));
function withoutMore(body: any): any {
  const { blockers, ...rest } = body;
  return blockers
    ? { ...rest, blockers: blockers.map(({ remedyBy: _by, remedyFrom: _from, ...blocker }: any) => blocker) }
    : rest;
}

function expectedOf({ path, body: sent, answer: { status, body: answered } }: Sent): unknown {
  const body = structuredClone(answered);
  for (const { of, change } of differences) if (of.test(path)) change(body);
  return { path, ...(sent ? { replayed: 'true' } : {}), ...comparable(path, { status, body }) };
}

/** Texts are for people and may be put better; codes, numbers of rules and details are the contract. */
function comparable(path: string, { status, body }: Sent['answer']): object {
  if (status >= 400) {
    const { title: _title, detail: _detail, correlationId: _correlationId, errors, ...rest } = body;
    return { status, body: { ...rest, ...(errors ? { pointers: errors.map(({ pointer }: any) => pointer) } : {}) } };
  }
  if (!path.includes('/explanations/')) return { status, body: withoutColumns(withoutMore(body)) };
  const { events: explained, ...rest } = withoutColumns(body);
  const events = explained.map((event: any) => ({ ...event, rules: ofThen(event.rules) }));
  return { status, body: { ...rest, events, rules: ofThen(Object.keys(body.rules)) } };
}

describe('A log of 0.1.0, written under the two policies of then', () => {
  let directory: string;
  let server: ServerProcess;
  let token: (who: Sent['as']) => Promise<string>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ledger-earlier-'));
    const dataDirectory = join(directory, 'data');
    mkdirSync(dataDirectory);
    cpSync(join(from, 'events.sqlite'), join(dataDirectory, 'events.sqlite'));
    cpSync(join(from, 'keys'), join(dataDirectory, 'keys'), { recursive: true });
    const partners = JSON.parse(readFileSync(join(from, 'partners.json'), 'utf8')) as readonly Partner[];
    // Under it a Sales agent may remove, as one of them did: the sender’s right is checked again with each attempt.
    // However long ago it was written, nothing is added to it.
    const env = { POLICY: 'partner-center-2026-11-later', TIMEKEEPER: 'off' };
    server = await startServer({ dataDirectory, partners, env });
    const { signing } = await embeddedKey(join(dataDirectory, 'keys/token-key.json'));
    token = (who) => signToken(signing, { ...who, minutes: 60 });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function send({ as, path, headers, body }: Sent): Promise<Sent['answer'] & { readonly headers: Headers }> {
    const response = await fetch(`${server.url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${await token(as)}`,
        prefer: 'wait=300',
        ...headers,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** All of them, so that every difference is seen at once. */
  async function answersTo(asked: readonly Sent[]): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const one of asked) {
      const { headers, ...answer } = await send(one);
      const replayed = one.body ? { replayed: headers.get('idempotent-replayed') } : {};
      answers.push({ path: one.path, ...replayed, ...comparable(one.path, answer) });
    }
    return answers;
  }

  it('answers every question about what has been as it did', async () => {
    expect(questions.length).toBeGreaterThan(140);
    expect(await answersTo(questions)).toEqual(questions.map(expectedOf));
  });

  it('answers every command that it has decided as it did, and records nothing', async () => {
    const remembered = commands.filter(({ answer: { status } }) => status < 300 || status === 409);
    expect(remembered.length).toBeGreaterThan(60);
    expect(await answersTo(remembered)).toEqual(remembered.map(expectedOf));
    const histories = questions.filter(({ path }) => path.endsWith('/events?limit=200'));
    expect(await answersTo(histories)).toEqual(histories.map(expectedOf));
  });
});
