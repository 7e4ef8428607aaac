import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import satisfies from 'spdx-satisfies';

/** Of the packages that the ledger is built, tested and run with. All go together with its own licence, Apache-2.0. */
const allowed = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Zlib',
];

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly { readonly expression?: string; readonly license?: { readonly id?: string } }[];
}

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: unknown;
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const project = read('package.json') as {
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
const locked = Object.entries((read('package-lock.json') as { packages: Record<string, Locked> }).packages);
const installed = locked.filter(([path, { link }]) => path.includes('node_modules/') && !link);

/** The components whose licence is not known to be allowed. */
function unlicensed(components: readonly Component[]): string[] {
  return components.flatMap(({ name, version, licenses = [] }) => {
    const expressions = licenses.map(({ expression, license }) => expression ?? license?.id ?? 'unknown');
    return expressions.length > 0 && expressions.every(isAllowed)
      ? []
      : [`${name} ${version}: ${expressions.join(' and ') || 'none'}`];
  });
}

function isAllowed(expression: string): boolean {
  try {
    return satisfies(expression, allowed);
  } catch {
    // No expression of SPDX: "SEE LICENSE IN …", for example.
    return false;
  }
}

describe('the bill of materials', () => {
  it('has no component under a licence that is not allowed', () => {
    const sbom = JSON.parse(
      execFileSync('npm', ['run', '--silent', 'sbom'], {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
        shell: process.platform === 'win32',
      }),
    ) as { readonly bomFormat: string; readonly components: readonly Component[] };
    expect(sbom.bomFormat).toBe('CycloneDX');
    expect(sbom.components.length).toBeGreaterThan(100);
    expect(unlicensed(sbom.components)).toEqual([]);
  });

  it('names those that have another, or none that can be read', () => {
    const component = (expression?: string): Component => ({
      ...{ name: 'x', version: '1.0.0' },
      ...(expression === undefined ? {} : { licenses: [{ expression }] }),
    });
    const named = ['GPL-3.0-only', '(MIT AND AGPL-3.0-only)', 'SEE LICENSE IN LICENSE', 'UNLICENSED', undefined];
    expect(named.map((expression) => unlicensed([component(expression)]).length)).toEqual([1, 1, 1, 1, 1]);
    expect(unlicensed([component('(MIT OR GPL-3.0-only)'), component('(MIT AND Zlib)')])).toEqual([]);
  });
});

describe('the lock file', () => {
  it('has the checksum of every package', () => {
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual(
      [],
    );
  });

  // A script of a package could fetch what no lock file names.
  it('brings no package whose script runs', () => {
    const scripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    const names = scripts.map((path) => path.split('node_modules/').at(-1)!);
    expect(names.filter((name) => project.allowScripts[name] !== false && name !== 'fsevents')).toEqual([]);
    expect(Object.values(project.allowScripts)).not.toContain(true);
  });

  it('brings one version of Node, as the package of each platform', () => {
    const ofNode = Object.entries(project.optionalDependencies).filter(([name]) => name.startsWith('node-'));
    expect(ofNode).toHaveLength(5);
    expect(new Set(ofNode.map(([, version]) => version)).size).toBe(1);
    const [[, version]] = ofNode as [[string, string]];
    for (const [name] of ofNode)
      expect(locked.find(([path]) => path === `node_modules/${name}`)?.[1]).toMatchObject({
        version,
        os: expect.anything(),
      });
    expect(process.version).toBe(`v${version}`);
  });
});

describe('the client', () => {
  it('can be published: the package has what it needs, and nothing else', () => {
    const client = read('libs/client/package.json') as Readonly<Record<string, any>>;
    expect(client).not.toHaveProperty('private');
    expect(client).toMatchObject({ license: 'Apache-2.0', types: './dist/index.d.ts', engines: { node: '>=22' } });
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--silent', '--workspace', 'libs/client'], {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      }).replace(/^[^[]*/, ''),
    ) as readonly { readonly files: readonly { readonly path: string }[] }[];
    const paths = packed!.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(paths.filter((path) => !/^(LICENSE|README\.md|package\.json|dist\/[\w-]+\.(js|d\.ts))$/.test(path))).toEqual(
      [],
    );
  });

  it('is licensed as the ledger is', () => {
    expect(readFileSync('libs/client/LICENSE', 'utf8')).toBe(readFileSync('LICENSE', 'utf8'));
  });
});
