import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/** `path` and `target` are relative to the repository; `target` is the file or folder a relative import points at. */
type Import = { path: string; specifier: string; target: string | undefined; typeOnly: boolean };
type Source = { path: string; text: string };

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const homes = ['apps', 'libs', 'test', 'bench'];
const sources = homes
  .flatMap(typescriptFilesIn)
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

describe('the architecture', () => {
  it('is read from every library and application there is', () => {
    const empty = ['libs', 'apps']
      .flatMap(foldersDirectlyIn)
      .filter((folder) => !sources.some(({ path }) => path.startsWith(`${folder}/src/`)));

    expect(empty).toEqual([]);
    expect(sources.map(({ path }) => path)).toContain('test/architecture.spec.ts');
    if (existsSync(join(root, 'libs'))) expect(sources.some(({ path }) => path.startsWith('libs/'))).toBe(true);
  });

  it('lets imports run in one direction only', () => {
    expect(violationsIn(sources)).toEqual([]);
  });

  it('has no circles of files that import each other', () => {
    expect(circlesIn(sources.filter((source) => !mayGoInCircles(source)))).toEqual([]);
  });

  it('gives every library a front door', () => {
    const closed = foldersDirectlyIn('libs').filter((library) => !existsSync(join(root, library, 'src/index.ts')));

    expect(closed).toEqual([]);
  });

  it('has no folder for things without a home', () => {
    const folders = homes.flatMap(foldersBelow);

    expect(folders.filter((folder) => /^(common|shared|core|utils)$/.test(posix.basename(folder)))).toEqual([]);
  });
});

describe('a circle of imports', () => {
  const file = (path: string, ...targets: string[]) => ({
    path,
    text: targets.map((target) => `import type { It } from '${target}';`).join('\n'),
  });

  it('is found whatever is imported and however long it is, with the files on it and no others', () => {
    const files = [
      file('libs/http/src/accept.ts', './answer.js'),
      file('libs/http/src/answer.ts', './cursor.js', './problem.js'),
      file('libs/http/src/cursor.ts', './accept.js'),
      file('libs/http/src/problem.ts'),
    ];
    expect(circlesIn(files)).toEqual([
      ['libs/http/src/accept.ts', 'libs/http/src/answer.ts', 'libs/http/src/cursor.ts'],
    ]);
  });

  it('is not found where two ways lead to the same file', () => {
    const files = [
      file('apps/server/src/main.ts', './ledger.js', './requester.js'),
      file('apps/server/src/ledger.ts', './requester.js'),
      file('apps/server/src/requester.ts'),
    ];
    expect(circlesIn(files)).toEqual([]);
  });
});

describe('an import is refused', () => {
  it.each([
    ['libs/event-sourcing/src/decider.ts', `import { Kysely } from 'kysely';`],
    ['libs/event-sourcing/src/decider.ts', `import type { Policy } from '#customer-relationship';`],
    ['libs/event-sourcing/src/decider.ts', `import { expect } from '@jest/globals';`],
    ['libs/customer-relationship/src/removal.ts', `import { readFileSync } from 'node:fs';`],
    ['libs/customer-relationship/src/removal.ts', `import { Injectable } from '@nestjs/common';`],
    ['libs/customer-relationship/src/removal.ts', `import { given } from '#event-sourcing/testing';`],
    ['apps/server/src/main.ts', `import { sendersOf } from '#customer-relationship/test-kit';`],
    ['libs/read-models/src/overview.ts', `import { decide } from '#customer-relationship';`],
    ['libs/read-models/src/overview.ts', `import { type Events, decide } from '#customer-relationship';`],
    ['libs/read-models/src/overview.ts', `import Database from 'better-sqlite3';`],
    ['libs/read-models/src/overview.spec.ts', `import Database from 'better-sqlite3';`],
    ['libs/http/src/problem.ts', `import type { Database } from 'better-sqlite3';`],
    ['apps/server/src/main.ts', `import { trace } from '@opentelemetry/api';`],
    ['libs/telemetry/src/telemetry.ts', `import type { Answer } from '#http';`],
    ['libs/client/src/follow.ts', `import { rejections } from '#customer-relationship';`],
    ['libs/client/src/follow.ts', `import type { Problem } from '../../http/src/problem.js';`],
    ['libs/client/src/follow.ts', `import { setTimeout } from 'node:timers/promises';`],
    ['libs/projector/src/run.ts', `import { Module } from '@nestjs/common';`],
    ['libs/projector/src/run.ts', `import { IsIn } from 'class-validator';`],
    ['libs/projector/src/run.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['libs/projector/src/run.ts', `export { read } from '../../event-store-sqlite/src/read.js';`],
    ['libs/projector/src/run.ts', `const server = await import('../../../apps/server/src/main.js');`],
    ['libs/http/src/problem.ts', `type Decider = import('../../event-sourcing/src/decider.js').Decider;`],
    [
      'apps/server/src/queries/overview.ts',
      `import { decide } from '../../../../libs/customer-relationship/src/removal.js';`,
    ],
    ['apps/server/src/open-ledger.ts', `import { rebuild } from '../../projector/src/rebuild.js';`],
    ['apps/ledger/src/command-line.ts', `import { agreeTo } from '../../server/src/trusted-clock/clock-files.js';`],
    ['apps/ledger/src/run.ts', `await import('../../server/src/verbs/token.js');`],
    ['apps/demo/src/tokens.spec.ts', `import type { Keys } from '../../server/src/keys.js';`],
    ['apps/server/src/queries/overview.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['apps/server/src/server.module.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['apps/server/src/server.module.ts', `import { KurrentDBClient } from '@eventstore/db-client';`],
    ['test/http/running-server.ts', `import { EventStoreDBClient } from '@eventstore/db-client';`],
    ['apps/server/src/server.module.ts', `import shared from '@eventstore/db-client/generated/shared_pb.js';`],
  ])('in %s: %s', (path, text) => {
    expect(violationsIn([{ path, text }])).not.toEqual([]);
  });
});

describe('an import is welcome', () => {
  it.each([
    ['libs/event-sourcing/src/hash-chain.ts', `import { createHash } from 'node:crypto';`],
    ['libs/event-sourcing/src/decider.spec.ts', `import { expect } from '@jest/globals';`],
    ['libs/event-sourcing/src/testing.ts', `import { expect } from '@jest/globals';`],
    ['libs/customer-relationship/src/removal.ts', `import { Rejection } from '#event-sourcing';`],
    ['libs/customer-relationship/src/removal.spec.ts', `import { given } from '#event-sourcing/testing';`],
    ['libs/read-models/src/overview.ts', `import type { Events } from '#customer-relationship';`],
    ['libs/read-models/src/overview.ts', `import { statusAt } from '#customer-relationship/statuses';`],
    ['libs/read-models/src/overview.ts', `import { type Events } from '#customer-relationship';`],
    ['libs/read-models/src/overview.spec.ts', `import { evolve } from '#customer-relationship';`],
    ['libs/event-store-kurrentdb/src/store.ts', `import { KurrentDBClient } from '@eventstore/db-client';`],
    ['test/test-peer/read.ts', `import streams from '@eventstore/db-client/generated/streams_pb.js';`],
    ['test/faults/lost-answers.spec.ts', `import { EventStoreDBClient } from '@eventstore/db-client';`],
    ['libs/client/src/follow.ts', `import { createParser } from 'eventsource-parser';`],
    ['libs/client/src/follow.ts', `import type { Attempts } from './attempts.js';`],
    ['libs/projector/src/run.spec.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['test/http/client.spec.ts', `await import('../../libs/client/example/end-a-subscription.js');`],
    ['apps/server/src/open-ledger.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['apps/auditor/src/verbs/integrity.ts', `import { SqliteEventStore } from '#event-store-sqlite';`],
    ['apps/ledger/src/command-line.ts', `await import('../../server/src/verbs/token.js');`],
    ['apps/server/src/queries/overview.ts', `import { Ledger } from '../ledger.js';`],
    ['test/http/keys.spec.ts', `import { tokensOf } from '../../apps/demo/src/tokens.js';`],
  ])('in %s: %s', (path, text) => {
    expect(violationsIn([{ path, text }])).toEqual([]);
  });

  it('of the test framework in a file that only the test kit leads to', () => {
    const contract = { path: 'libs/event-sourcing/src/contract.ts', text: `import { it } from '@jest/globals';` };
    const testing = { path: 'libs/event-sourcing/src/testing.ts', text: `export * from './contract.js';` };
    const index = { path: 'libs/event-sourcing/src/index.ts', text: `export * from './contract.js';` };

    expect(violationsIn([contract, testing])).toEqual([]);
    expect(violationsIn([contract, testing, index])).not.toEqual([]);
  });
});

function violationsIn(files: Source[]): string[] {
  const imports = files.flatMap(importsOf);
  const kit = testKitAmong(files, imports);

  return imports.flatMap((found) =>
    rules(kit)
      .filter(({ governs, allows }) => governs(found) && !allows(found))
      .map(({ rule }) => `${found.path} imports ${found.specifier}: ${rule}`),
  );
}

/** In the domain the types of all nouns make the one type of all commands, which each noun needs. */
function mayGoInCircles({ path }: Source): boolean {
  return path.startsWith('libs/customer-relationship/');
}

/** Groups of files each of which leads to all others of its group by relative imports, of types too. */
function circlesIn(files: Source[]): string[][] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap(({ target }) => (target === undefined ? [] : [target.replace(/\.js$/, '.ts')])),
    ]),
  );
  const reachable = (path: string) => {
    const reached = new Set(targets.get(path));
    for (const each of reached) for (const target of targets.get(each) ?? []) reached.add(target);
    return reached;
  };
  const reachableFrom = new Map(files.map(({ path }) => [path, reachable(path)]));
  const circles = new Map<string, string[]>();
  for (const { path } of files) {
    if (!reachableFrom.get(path)!.has(path)) continue;
    const circle = [...reachableFrom.get(path)!].filter((each) => reachableFrom.get(each)?.has(path)).sort();
    circles.set(circle[0]!, circle);
  }
  return [...circles.values()];
}

function rules(kit: ReadonlySet<string>) {
  const isTest = ({ path }: Import) => /^(test|bench)\//.test(path) || path.endsWith('.spec.ts') || kit.has(path);
  const within =
    (...folders: string[]) =>
    ({ path }: Import) =>
      folders.some((folder) => path.startsWith(`${folder}/`));
  const of =
    (...packages: string[]) =>
    ({ specifier }: Import) =>
      packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
  const relative = ({ target }: Import) => target !== undefined;
  const testTool = of('#event-sourcing/testing', '@jest/globals', 'fast-check');
  const builtin = ({ specifier }: Import) => specifier.startsWith('node:');

  type Rule = { rule: string; governs: (found: Import) => boolean; allows: (found: Import) => boolean };
  const all: Rule[] = [
    {
      rule: 'event-sourcing imports nothing but builtins',
      governs: within('libs/event-sourcing'),
      allows: (found) => relative(found) || builtin(found) || (isTest(found) && testTool(found)),
    },
    {
      rule: 'the domain knows event-sourcing only',
      governs: within('libs/customer-relationship'),
      allows: (found) =>
        relative(found) ||
        ['#event-sourcing', 'node:crypto'].includes(found.specifier) ||
        (isTest(found) && (testTool(found) || builtin(found))),
    },
    {
      rule: 'projections know event types and the statuses that follow from time, never the decider',
      governs: within('libs/read-models'),
      allows: (found) =>
        relative(found) ||
        ['#event-sourcing', '#customer-relationship/statuses'].includes(found.specifier) ||
        of('kysely')(found) ||
        (found.specifier === '#customer-relationship' && (found.typeOnly || isTest(found))) ||
        (isTest(found) && (testTool(found) || builtin(found))),
    },
    {
      rule: 'the client stands alone: whoever installs it has nothing else of ours',
      governs: within('libs/client'),
      allows: (found) =>
        of('openapi-fetch', 'eventsource-parser')(found) ||
        (relative(found) && (within('libs/client')({ ...found, path: found.target! }) || isTest(found))) ||
        (within('libs/client/example')(found) && of('@reseller-ledger/client')(found)) ||
        (isTest(found) && (testTool(found) || builtin(found) || of('openapi-typescript', '#http')(found))),
    },
    {
      rule: 'better-sqlite3 belongs to event-store-sqlite, projector and the applications',
      governs: of('better-sqlite3'),
      allows: (found) =>
        within('libs/event-store-sqlite', 'libs/projector', 'apps', 'test', 'bench')(found) ||
        (isTest(found) && within('libs/relationship-projector')(found)),
    },
    {
      rule: 'only event-store-kurrentdb knows its client',
      governs: of('@eventstore/db-client'),
      allows: (found) =>
        within('libs/event-store-kurrentdb', 'test/test-peer', 'bench')(found) ||
        // A test may look at the database past the adapter.
        /^test\/.*\.spec\.ts$/.test(found.path),
    },
    {
      rule: 'only telemetry knows OpenTelemetry',
      governs: ({ specifier }) => specifier.startsWith('@opentelemetry/'),
      allows: within('libs/telemetry'),
    },
    {
      rule: 'telemetry knows nothing of ours',
      governs: within('libs/telemetry'),
      allows: (found) =>
        relative(found) || builtin(found) || found.specifier.startsWith('@opentelemetry/') || isTest(found),
    },
    {
      rule: 'NestJS and class-validator stay in http and the applications',
      governs: (found) => found.specifier.startsWith('@nestjs/') || of('class-validator', 'class-transformer')(found),
      allows: within('libs/http', 'apps', 'test', 'bench'),
    },
    {
      rule: 'concrete adapters are named by composition roots and tests only',
      governs: ({ specifier }) => specifier.startsWith('#event-store-'),
      allows: (found) =>
        isTest(found) ||
        within('apps/projector/src', 'apps/auditor/src', 'libs/event-log', 'libs/relationship-projector')(found) ||
        ['open-ledger', 'verbs/keys'].some((root) => found.path === `apps/server/src/${root}.ts`),
    },
    {
      rule: 'the test kit is for tests',
      governs: of('#event-sourcing/testing', '#customer-relationship/test-kit', '@jest/globals', 'fast-check'),
      allows: isTest,
    },
    {
      rule: 'no library imports an application',
      governs: within('libs'),
      allows: ({ target, specifier }) => !/^#?apps\//.test(target ?? specifier),
    },
    {
      rule: 'no application imports another: what two of them need is a library; the command line enters them by their verbs',
      governs: ({ path, target }) =>
        folderOf('apps', path) !== undefined && folderOf('apps', target ?? '') !== undefined,
      allows: ({ path, target }) =>
        folderOf('apps', path) === folderOf('apps', target ?? '') ||
        (path === 'apps/ledger/src/command-line.ts' && /^apps\/\w+\/src\/(main|verbs\/\w+)\.js$/.test(target ?? '')),
    },
    {
      rule: 'a library is entered by its front door',
      governs: ({ target }) => /^libs\/[^/]+\/src\//.test(target ?? ''),
      allows: ({ path, target }) => folderOf('libs', path) === folderOf('libs', target ?? ''),
    },
  ];
  return all;
}

/** What `testing.ts` leads to and the front door does not: helpers that production code can never load. */
function testKitAmong(files: Source[], imports: Import[]): ReadonlySet<string> {
  const reachableFrom = (door: string) => {
    const reached = new Set(files.map(({ path }) => path).filter((path) => path.endsWith(door)));
    for (const path of reached)
      for (const found of imports)
        if (found.path === path && found.target) reached.add(found.target.replace(/\.js$/, '.ts'));
    return reached;
  };
  return reachableFrom('/src/testing.ts').difference(reachableFrom('/src/index.ts'));
}

function importsOf({ path, text }: Source): Import[] {
  const imports: Import[] = [];
  const found = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const target = specifier.text.startsWith('.') ? posix.join(posix.dirname(path), specifier.text) : undefined;
    imports.push({ path, specifier: specifier.text, target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) found(node.moduleSpecifier, bringsTypesOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) found(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) found(node.argument.literal, true);
    else if (ts.isExternalModuleReference(node)) found(node.expression, false);
    else if (ts.isCallExpression(node) && loadsModule(node.expression)) found(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return imports;
}

function loadsModule(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function bringsTypesOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return (
    !clause.name && !!bindings && ts.isNamedImports(bindings) && bindings.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

/** The application or library that a file belongs to, such as libs/http. */
function folderOf(home: 'apps' | 'libs', path: string): string | undefined {
  const [first, second] = path.split('/');
  return first === home && second ? `${first}/${second}` : undefined;
}

function typescriptFilesIn(folder: string): string[] {
  return entriesBelow(folder)
    .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
    .map(({ path }) => path);
}

function foldersBelow(folder: string): string[] {
  return entriesBelow(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ path }) => path);
}

function foldersDirectlyIn(folder: string): string[] {
  return foldersBelow(folder).filter((path) => posix.dirname(path) === folder);
}

function entriesBelow(folder: string) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).map((entry) => ({
    name: entry.name,
    path: posix.join(folder, entry.parentPath.slice(join(root, folder).length), entry.name),
    isFile: () => entry.isFile(),
    isDirectory: () => entry.isDirectory(),
  }));
}
