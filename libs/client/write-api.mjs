import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

// Writes src/api.ts: the types of openapi.json, the codes of problems, and the path of each command. The file belongs to the
// build, not to version control. It is written only when the document or this file has changed.

const document = new URL('../../openapi.json', import.meta.url);
const written = new URL('src/api.ts', import.meta.url);
const text = readFileSync(document, 'utf8');
const hash = createHash('sha256')
  .update(text)
  .update(readFileSync(new URL(import.meta.url)))
  .digest('hex');
const heading = `// Made from openapi.json by write-api.mjs (${hash}). Do not edit.\n`;

if (!existsSync(written) || !readFileSync(written, 'utf8').startsWith(heading)) {
  const { paths, components } = JSON.parse(text);
  const codes = components.schemas.Problem.properties.code.examples;
  const commandPaths = Object.entries(paths).flatMap(([path, { post }]) =>
    post?.['x-command'] && !path.startsWith('/v1/partners/') ? [[post['x-command'], path]] : [],
  );
  writeFileSync(
    written,
    heading +
      astToString(await openapiTS(document)) +
      `\n/** Every code that is known in this release. */\nexport type KnownProblemCode = ${codes.map((code) => `'${code}'`).join(' | ')};\n` +
      `\n/** The path of each command. */\nexport const commandPaths = ${JSON.stringify(Object.fromEntries(commandPaths), null, 2)} as const;\n`,
  );
}
