import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configuration, variables } from '#configuration';
import { exitCodes } from '#program';
import { composeFile } from './compose-file.js';

const text = readFileSync('docs/operating.md', 'utf8');

/** The rows of the table between two marks, their cells without spaces at their ends. */
function table(mark: string): string[][] {
  const part = text.split(`<!-- ${mark} -->`)[1]?.split(`<!-- end of ${mark} -->`)[0] ?? '';
  const rows = part.split('\n').filter((line) => line.startsWith('|'));
  const cells = (row: string) => row.split('|').slice(1, -1);
  // After the head and its line.
  return rows.slice(2).map((row) => cells(row).map((cell) => cell.trim()));
}

const code = (cell: string | undefined) => /^`([^`]+)`$/.exec(cell ?? '')?.[1];

describe('the table of variables', () => {
  const rows = [...table('variables'), ...table('variables of telemetry')];

  it('names every variable of the configuration once, and no other', () => {
    expect(rows.map(([name]) => code(name)).sort()).toEqual([...variables].sort());
  });

  const ofADatabase = { EVENT_STORE: 'kurrentdb', LEDGER_EVENT_STORE_URL: 'esdb://db.example:2113', KEYS_DIR: '/keys' };
  const ofAnIssuer = { JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'issuer', JWT_AUDIENCE: 'audience' };
  const surroundings = (name: string) => {
    if (name.startsWith('LEDGER_') || name === 'ALLOW_INSECURE_EVENTSTORE') return ofADatabase;
    return name.startsWith('JWT_') ? ofAnIssuer : {};
  };

  it.each(rows.map(([name, fallback]) => [code(name) ?? '', fallback ?? '']))('has the default of %s', (name, said) => {
    const env: Record<string, string> = { ...surroundings(name) };
    const given = code(said)?.replace('DATA_DIR', 'data');
    if (given === undefined) expect(said).toBe('none');
    // What is documented as the default changes nothing when it is set.
    else expect(configuration({ ...env, [name]: given })).toEqual(configuration(env));
  });

  it('says of every variable with a default that another value means something else', () => {
    const others: Record<string, string> = {
      PORT: '3001',
      HOST: 'localhost',
      DATA_DIR: './elsewhere',
      KEYS_DIR: './elsewhere',
      PARTNERS_FILE: './elsewhere',
      POLICY: 'partner-center-later',
      JWT_ALGORITHMS: 'ES256',
      JWT_PERSON_CLAIM: 'token_use=user',
      JWT_LIFETIME_MAX_SECONDS: '3600',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      METRICS_PORT: '',
      METRICS_HOST: '127.0.0.2',
      VIEW_LAG_LIMIT_SECONDS: '11',
      PROJECTOR: 'off',
      TIMEKEEPER: 'off',
      TIMEKEEPER_RATE: '99',
      TIMEKEEPER_LEASE_SECONDS: '301',
      BODY_LIMIT_BYTES: '65537',
      LEDGER_STREAM_PREFIX: 'Other.',
      ALLOW_INSECURE_EVENTSTORE: 'true',
    };
    for (const [name, value] of Object.entries(others)) {
      const env = surroundings(name);
      expect([name, configuration({ ...env, [name]: value })]).not.toEqual([name, configuration(env)]);
    }
  });
});

it('the table of tools says where each npm script is in the image', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const rows = table('tools').map(([npm, path]) => [code(npm)?.replace(/^npm (run )?/, '') ?? '', code(path)]);
  expect(rows.length).toBeGreaterThan(5);
  for (const [script, path] of rows) {
    const verb = /node bin\/ledger\.mjs (\w+)/.exec(scripts[script ?? ''] ?? '')?.[1];
    expect([script, path]).toEqual([script, `dist/apps/ledger/src/main.js ${verb}`]);
  }
});

it('the table of exit codes is the one that every program keeps', () => {
  expect(table('exit codes').map(([code, means]) => [Number(code), means])).toEqual(exitCodes);
});

it('every link of the document leads somewhere', () => {
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
  const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!);
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets)
    if (target.startsWith('#')) expect(anchors).toContain(target.slice(1));
    else expect([target, existsSync(resolve(dirname('docs/operating.md'), target))]).toEqual([target, true]);
});

it('every command with a compose file names services and volumes that it has', () => {
  const commands = [...text.matchAll(/docker compose -f (\S+) (\w+)([^\n]*)/g)];
  const named: string[] = [];
  for (const [, file, verb, rest] of commands) {
    const { services } = composeFile(file!);
    const words = rest!.replace(/ #.*$/, '').trim().split(/\s+/);
    const names = words.filter((word) => /^[a-z]/.test(word));
    const asked = new Map([
      ['up', names],
      ['stop', names],
      ['start', names],
      ['exec', names.slice(0, 1)],
      ['run', names.slice(0, 1)],
      ['cp', names.filter((word) => word.includes(':')).map((word) => word.split(':')[0]!)],
    ]).get(verb!);
    for (const service of asked ?? [`no verb that is known: ${verb}`]) {
      expect(Object.keys(services)).toContain(service);
      named.push(service);
    }
  }
  expect(named).toEqual(expect.arrayContaining(['ledger', 'ledger-a', 'kurrentdb', 'node3', 'keys']));
  for (const [, project, volume] of text.matchAll(/-v (reseller-ledger-[a-z]+)_([a-z0-9-]+):/g)) {
    const file = composeFile(`docker/compose.${project!.replace('reseller-ledger-', '')}.yaml`);
    expect([file.name, Object.keys(file.volumes)]).toEqual([project, expect.arrayContaining([volume])]);
  }
});

/** Everything that the server and its tools may say. */
const sources = ['apps', 'libs']
  .flatMap((home) => readdirSync(home, { recursive: true, encoding: 'utf8' }).map((path) => join(home, path)))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')
  // A message over several lines of source is one.
  .replace(/[`'] \+\s*[`']/g, '');

it('every metric that it says to watch is served', () => {
  const metrics = [...text.matchAll(/`(ledger_[a-z_]+|http_[a-z_]+|…_[a-z_]+)/g)].map(([, name]) => name!);
  expect(metrics.length).toBeGreaterThan(10);
  for (const metric of metrics) {
    const name = metric.replace(/^(ledger_store_|…_)/, '');
    expect([metric, new RegExp(`['\`]${name}['\`]`).test(sources)]).toEqual([metric, true]);
  }
});

it('every message that it quotes is one of the server’s', () => {
  const failures = text.split('\n## Failures')[1]!.split('\n## ')[0]!;
  // Between the quotes, what is filled in (… and HOSTS) left out.
  const pieces = [...failures.matchAll(/"([^"]+)"/g)].flatMap(([, quoted]) =>
    quoted!
      .split(/…|HOSTS|\)$/)
      .map((piece) => piece.trim().replace(/^[,:(]+|[,:(]+$/g, ''))
      .filter((piece) => piece.length >= 8),
  );
  expect(pieces.length).toBeGreaterThan(20);
  expect(pieces.filter((piece) => !sources.includes(piece))).toEqual([]);
});
