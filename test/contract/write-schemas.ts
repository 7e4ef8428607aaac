import { parseArgs } from 'node:util';
import { generatedSchemas } from './generated-schemas.js';
import { objections, outdated, readSchemas, writeSchemas } from './schema-files.js';

// npm run schemas [-- --correct commands/SuspendSubscription.json …]
// Writes schemas/ from the code, unless that would break what was promised: then it names every change and what to do.
// A schema may be corrected by name where it was wrong about what the code has always taken or written.

const { values } = parseArgs({ options: { correct: { type: 'string', multiple: true, default: [] } } });
const directory = 'schemas';
const checkedIn = readSchemas(directory);
const generated = await generatedSchemas();
const found = objections(checkedIn, generated).filter(({ path }) => !values.correct.includes(path));
if (found.length > 0) {
  console.error(found.map(({ path, what }) => `schemas/${path}: ${what}`).join('\n'));
  process.exitCode = 1;
} else {
  const changed = outdated(checkedIn, generated);
  await writeSchemas(directory, checkedIn, generated);
  console.log(changed.length === 0 ? 'Nothing has changed.' : changed.map((path) => `schemas/${path}`).join('\n'));
}
