import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { configuration, variables } from '#configuration';
import { composeFile, filledIn, type ComposeFile, type Service } from './compose-file.js';
import { dockerfile, settings } from './dockerfile.js';

const image = settings(dockerfile(readFileSync('docker/Dockerfile', 'utf8')).stages.at(-1)!);
const passwords = {
  KURRENTDB_ADMIN_PASSWORD: '0123abcd',
  KURRENTDB_OPS_PASSWORD: '4567ef00',
  KURRENTDB_LEDGER_PASSWORD: '89ab0123',
};
/** Images whose digests could not be found where these files are kept, and the one that is built here. */
const unpinned = ['eventstore/es-gencert-cli:1.0.2', 'reseller-ledger:local'];

const names = ['compose.yaml', 'compose.kurrentdb.yaml', 'compose.cluster.yaml'];
const files = new Map(names.map((name) => [name, composeFile(`docker/${name}`)]));

const entries = (file: ComposeFile) => Object.entries(file.services);
/** The servers, and nothing that merely runs in their image. */
const servers = (file: ComposeFile) => entries(file).filter(([name]) => name.startsWith('ledger'));
const nodes = (file: ComposeFile) => entries(file).filter(([, { image }]) => image?.includes('KURRENTDB_IMAGE'));
const environmentOf = ({ environment = {} }: Service) =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filledIn(value, passwords)]));
const mountAt = ({ mounts }: Service, target: string) => mounts.find((mount) => mount.target === target);

describe.each(names)('%s', (name) => {
  const file = files.get(name)!;

  it('has a server, and a name of its own for its volumes', () => {
    expect(servers(file).length).toBeGreaterThan(0);
    expect(names.filter((other) => files.get(other)!.name === file.name)).toEqual([name]);
  });

  it.each(entries(file))('%s may do no more than it must', (_, service) => {
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    const { limits } = service.deploy!.resources;
    expect(Object.keys(limits).sort()).toEqual(['cpus', 'memory', 'pids']);
    expect(service.logging!.options).toMatchObject({ 'max-size': '10m', 'max-file': '5' });
    if (!service.image!.includes('KURRENTDB_IMAGE')) expect(service.read_only).toBe(true);
    expect([service.user, service.cap_add]).toEqual(service.user === 'root' ? ['root', ['CHOWN']] : []);
  });

  it.each(entries(file))('%s has an image of one digest or version, which can be replaced', (_, { image, build }) => {
    const [, given = ''] = /^\$\{[A-Z_]+:-([a-z0-9./-]+:[\w.-]+(?:@sha256:[0-9a-f]{64})?)\}$/.exec(image!) ?? [];
    expect(given).toMatch(/:(\d+\.\d+\.\d+|local)(@|$)/);
    expect([given, given.includes('@sha256:')]).toEqual([given, !unpinned.includes(given)]);
    if (image!.includes('LEDGER_IMAGE')) expect(build).toEqual({ context: '..', dockerfile: 'docker/Dockerfile' });
  });

  it.each(entries(file))('%s is reached from this machine alone', (_, { ports = [] }) => {
    for (const port of ports) expect(filledIn(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it.each(entries(file))('%s mounts volumes that are declared', (_, { mounts }) => {
    for (const { type, source } of mounts) if (type === 'volume') expect(Object.keys(file.volumes)).toContain(source);
  });

  it.each(entries(file))('%s waits for what will come', (name, { depends_on = {} }) => {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const { restart, healthcheck, image } = file.services[other]!;
      if (condition === 'service_completed_successfully') expect(restart).toBe('no');
      // The image of the database brings its own check.
      else if (condition === 'service_started') expect(name).toBe('database-user');
      else if (condition === 'service_healthy') expect(healthcheck ?? image).toMatch(/KURRENTDB_IMAGE/);
      else throw new Error(condition);
    }
  });

  it.each(servers(file))('%s is configured as it can be', (_, service) => {
    const environment = environmentOf(service);
    expect(Object.keys(environment).filter((variable) => !variables.includes(variable))).toEqual([]);
    const { dataDirectory, keysDirectory, partnersFile, port, log, policy, metricsHost } = configuration({
      ...Object.fromEntries(image.environment),
      ...environment,
    });
    expect(mountAt(service, dataDirectory)).toMatchObject({ type: 'volume', readOnly: false });
    expect(mountAt(service, partnersFile)).toMatchObject({ type: 'bind', readOnly: true });
    if (log.store === 'kurrentdb')
      expect(mountAt(service, keysDirectory)).toMatchObject({ type: 'volume', readOnly: true });
    expect(policy.name).toBe('partner-center-2026-11');
    // For other containers, and for nobody outside: the only port that is published is the server's.
    expect(metricsHost).toBe('0.0.0.0');
    expect(service.ports!.map((published) => filledIn(published).split(':')[2])).toEqual([String(port)]);
  });

  it.each(servers(file))('%s reads the identity file that it is given, and none otherwise', (_, service) => {
    const written = service.environment!['IDENTITY_FILE']!;
    const named = filledIn(written, { LEDGER_IDENTITY: './identity.json' });
    expect(filledIn(written)).toBe('');
    const mount = mountAt(service, named)!;
    expect(mount).toMatchObject({ type: 'bind', readOnly: true });
    expect(filledIn(mount.source, { LEDGER_IDENTITY: './identity.json' })).toBe('./identity.json');
    expect(existsSync(resolve('docker', filledIn(mount.source)))).toBe(true);
  });

  it.each(servers(file))('%s is asked whether it is ready, started again, and given time to end', (_, service) => {
    expect(service.healthcheck!.test).toEqual(['CMD', ...image.healthCheck, 'ready']);
    expect([service.restart, service.init]).toEqual(['unless-stopped', true]);
    // 8 s of drain, 10 s for appends whose outcome is not known.
    expect(parseInt(service.stop_grace_period!, 10)).toBeGreaterThanOrEqual(20);
  });

  it('gives every server data of its own, and all of them the same secrets', () => {
    const data = servers(file).map(([, service]) => mountAt(service, '/data')!.source);
    expect(new Set(data).size).toBe(data.length);
    const keys = servers(file).flatMap(([, service]) => mountAt(service, '/keys')?.source ?? []);
    expect(new Set(keys).size).toBeLessThanOrEqual(1);
    if (keys.length > 0)
      expect(mountAt(file.services['keys']!, '/keys')).toMatchObject({ source: keys[0], readOnly: false });
  });

  it('makes secrets once, by the tool that makes them', () => {
    const { keys } = file.services;
    expect(keys === undefined).toBe(nodes(file).length === 0);
    if (!keys) return;
    expect(keys.entrypoint).toEqual(['/bin/sh', '-euc']);
    expect(keys.command!.join('\n').trim()).toBe(
      '[ -e /keys/ledger-secret ] || exec node dist/apps/ledger/src/main.js keys --make /keys',
    );
    expect([keys.network_mode, keys.restart]).toEqual(['none', 'no']);
    for (const [, service] of servers(file)) expect(Object.keys(service.depends_on!)).toContain('keys');
  });

  it('starts database nodes again even when they have ended well, and lets them end gracefully', () => {
    for (const [, node] of nodes(file)) {
      expect(node.restart).toBe('unless-stopped');
      expect(parseInt(node.stop_grace_period!, 10)).toBeGreaterThanOrEqual(10);
      expect(mountAt(node, '/var/lib/kurrentdb')).toMatchObject({ type: 'volume', readOnly: false });
    }
  });

  it('holds no password', () => {
    for (const [, { environment = {} }] of entries(file))
      for (const [variable, value] of Object.entries(environment))
        if (variable.endsWith('PASSWORD')) expect(value).toMatch(/^\$\{KURRENTDB_(ADMIN|OPS)_PASSWORD:\?[^}]+\}$/);
  });
});

describe('the cluster', () => {
  const file = files.get('compose.cluster.yaml')!;
  const certificates = file.services['certificates']!;
  const script = certificates.command!.join('\n').replaceAll('$$', '$');
  const all = nodes(file).map(([name, node]) => ({
    name,
    node,
    environment: environmentOf(node),
    address: node.networks!['cluster']!.ipv4_address,
  }));

  it('has three nodes, each with data and a key of its own', () => {
    expect(all.map(({ environment }) => environment['KURRENTDB_CLUSTER_SIZE'])).toEqual(['3', '3', '3']);
    for (const target of ['/var/lib/kurrentdb', '/certificate'])
      expect(new Set(all.map(({ node }) => mountAt(node, target)!.source)).size).toBe(3);
  });

  it('has nodes that find each other and replicate where they are', () => {
    for (const { name, environment, address } of all) {
      const others = all.filter((other) => other.name !== name).map((other) => `${other.address}:2113`);
      expect(environment).toMatchObject({
        KURRENTDB_REPLICATION_IP: address,
        KURRENTDB_GOSSIP_SEED: others.join(','),
        KURRENTDB_ADVERTISE_HOST_TO_CLIENT_AS: name,
      });
    }
  });

  it('certifies every name and address by which a node is called', () => {
    const [, ips, dns] = /-ip-addresses "([^"]+)" -dns-names "([^"]+)"/.exec(script)!;
    const loop = /for i in ([\d ]+);/.exec(script)![1]!.split(' ');
    const certified = (list: string) => loop.map((i) => list.replaceAll('$i', i).split(','));
    for (const [index, { name, address }] of all.entries()) {
      expect(certified(ips!)[index]).toContain(address);
      expect(certified(dns!)[index]).toContain(name);
      expect(mountAt(certificates, `/${name}`)!.source).toBe(mountAt(all[index]!.node, '/certificate')!.source);
    }
    expect(loop).toHaveLength(all.length);
  });

  it('has servers that call the nodes by these names, with TLS and the authority that has certified them', () => {
    for (const [, service] of servers(file)) {
      const { LEDGER_EVENT_STORE_URL: written = '' } = environmentOf(service);
      const [, hosts, options] = /@([^?]+)\?(.+)$/.exec(written)!;
      expect(hosts).toBe(all.map(({ name }) => `${name}:2113`).join(','));
      const asked = new URLSearchParams(options);
      expect(asked.get('tls')).toBe('true');
      expect(asked.get('tlsCAFile')).toBe('/trusted/ca.crt');
      expect(mountAt(service, '/trusted')).toMatchObject({ source: 'trusted', readOnly: true });
    }
    for (const { node, environment } of all) {
      expect(mountAt(node, environment['KURRENTDB_TRUSTED_ROOT_CERTIFICATES_PATH']!)!.source).toBe('trusted');
      expect(environment['KURRENTDB_CERTIFICATE_PRIVATE_KEY_FILE']).toBe('/certificate/node.key');
    }
    expect(script).toContain('cp ca/ca.crt /trusted/ca.crt');
  });

  it('keeps the key of the authority where no node or server can read it', () => {
    const holders = entries(file).filter(([, { mounts }]) => mounts.some(({ source }) => source === 'authority'));
    expect(holders.map(([name]) => name)).toEqual(['certificates']);
    expect(script).not.toMatch(/ca\.key/);
  });

  it('has servers that know no password of an administrator, and a user of their own, made before they start', () => {
    const maker = file.services['database-user']!;
    expect([...maker.entrypoint!, ...maker.command!]).toEqual(['node', 'docker/create-user.mjs', '--alone']);
    expect([maker.restart, maker.ports, mountAt(maker, '/trusted')!.source]).toEqual(['no', undefined, 'trusted']);
    expect(Object.keys(maker.depends_on!)).toEqual(all.map(({ name }) => name));
    for (const [, service] of servers(file)) {
      const { LEDGER_EVENT_STORE_URL: url } = environmentOf(service);
      expect(url).toMatch(/^esdb:\/\/ledger:89ab0123@/);
      expect(url).toBe(environmentOf(maker)['LEDGER_EVENT_STORE_URL']);
      expect(JSON.stringify(service.environment)).not.toMatch(/admin|ADMIN|OPS_PASSWORD|changeit/);
      expect(service.depends_on).toMatchObject({ 'database-user': { condition: 'service_completed_successfully' } });
    }
  });

  it('does not start without passwords', () => {
    expect(() => filledIn(file.services['ledger-a']!.environment!['LEDGER_EVENT_STORE_URL']!)).toThrow(/is missing/);
    expect(() => filledIn(all[0]!.node.environment!['KURRENTDB_DEFAULT_ADMIN_PASSWORD']!)).toThrow(/is missing/);
    expect(() => filledIn(all[0]!.node.environment!['KURRENTDB_DEFAULT_OPS_PASSWORD']!)).toThrow(/is missing/);
  });
});

describe('the monitoring beside compose.yaml', () => {
  const file = composeFile('docker/compose.monitoring.yaml');

  it.each(entries(file))('%s is pinned, guarded, and reached from this machine alone', (_, service) => {
    expect(service.image).toMatch(/^\$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}\}$/);
    expect([service.cap_drop, service.read_only, service.restart]).toEqual([['ALL'], true, 'unless-stopped']);
    expect(service.ports!.map((port) => filledIn(port))).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:\d+$/)]);
    for (const { type, source, readOnly } of service.mounts)
      if (type === 'bind')
        expect([source, existsSync(resolve('docker', source)), readOnly]).toEqual([source, true, true]);
  });

  it('asks the servers of compose.yaml for their metrics, and reads the alerts', () => {
    const { rule_files: rules, scrape_configs: jobs } = parse(file.configs!['prometheus']!.content) as {
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const port = configuration({}).metricsPort;
    const asked = servers(files.get('compose.yaml')!).map(([server]) => `${server}:${port}`);
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual(asked);
    expect(rules.map((rule) => mountAt(file.services['prometheus']!, `/etc/prometheus/${rule}`)?.source)).toEqual([
      './observability/alerts.yaml',
    ]);
    // The alerts and the dashboard go by this name.
    expect(readFileSync('docker/observability/alerts.yaml', 'utf8')).toContain(`job="${jobs[0]!.job_name}"`);
  });

  it('has no account whose password everybody knows', () => {
    expect(file.services['grafana']!.environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
  });
});
