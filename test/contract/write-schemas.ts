import { generatedSchemas } from './generated-schemas.js';
import { objections, outdated, readSchemas, writeSchemas } from './schema-files.js';

// npm run schemas
// Writes schemas/ from the code, unless that would break what was promised: then it names every change and what to do.

const directory = 'schemas';
const checkedIn = readSchemas(directory);
const generated = await generatedSchemas();
const found = objections(checkedIn, generated);
if (found.length > 0) {
  console.error(found.join('\n'));
  process.exitCode = 1;
} else {
  const changed = outdated(checkedIn, generated);
  await writeSchemas(directory, checkedIn, generated);
  console.log(changed.length === 0 ? 'Nothing has changed.' : changed.map((path) => `schemas/${path}`).join('\n'));
}
