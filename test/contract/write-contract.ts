import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatedContract } from './generated-contract.js';
import { objections, outdated, readSchemas, schemaTexts } from './schema-files.js';

// npm run openapi [-- --correct commands/SuspendSubscription.json …]
// Writes schemas/ and openapi.json from the code, all of it or nothing. It names every change that would break what was
// promised and what to do instead, and everything that the linter finds. A schema may be corrected by name where it was wrong
// about what the code has always taken or written.

const { values } = parseArgs({ options: { correct: { type: 'string', multiple: true, default: [] } } });
const directory = 'schemas';
const checkedIn = readSchemas(directory);
const { schemas, document } = await generatedContract();
const text = `${JSON.stringify(document, null, 2)}\n`;
const found = objections(checkedIn, schemas).filter(({ path }) => !values.correct.includes(path));
const faults = [...found.map(({ path, what }) => `schemas/${path}: ${what}`), ...faultsOfLinter(text)];

if (faults.length > 0) {
  console.error(`${faults.join('\n')}\nNothing was written.`);
  process.exitCode = 1;
} else {
  const files = [...(await schemaTexts(directory, checkedIn, schemas)), ['openapi.json', text] as const];
  for (const [path, content] of files) writeFileSync(`${path}.new`, content);
  for (const [path] of files) renameSync(`${path}.new`, path);
  const changed = outdated(checkedIn, schemas).map((path) => `schemas/${path}`);
  console.log(['openapi.json', ...changed].join('\n'));
}

/** As `npm run lint` would find them. */
function faultsOfLinter(openapi: string): string[] {
  const temporary = mkdtempSync(join(tmpdir(), 'openapi-'));
  const path = join(temporary, 'openapi.json');
  try {
    writeFileSync(path, openapi);
    const linter = ['node_modules/@redocly/cli/bin/cli.js', 'lint', path, '--config', 'redocly.yaml'];
    execFileSync(process.execPath, linter, {
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      stdio: 'pipe',
      encoding: 'utf8',
    });
    return [];
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    return [`openapi.json: ${stdout ?? ''}${stderr ?? String(error)}`];
  } finally {
    rmSync(temporary, { recursive: true });
  }
}
