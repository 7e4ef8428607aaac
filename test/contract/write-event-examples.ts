import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { examplesMissingIn } from '#customer-relationship/test-kit';
import type { RecordedEvent } from '#event-sourcing';

// npm run event-examples
// Adds an example of every event, and of every new schema of one, that has none yet: as a decision writes it today. The
// examples that are there are what production wrote: they are for ever, and stay as they are, byte by byte.

const path = 'libs/customer-relationship/src/event-examples.json';
const before = readFileSync(path, 'utf8');
const examples = JSON.parse(before) as readonly RecordedEvent[];
const { found, unheardOf } = await examplesMissingIn(examples);
const after = await format(JSON.stringify([...examples, ...found], null, 2), {
  ...(await resolveConfig(path)),
  filepath: path,
});

if (!after.startsWith(before.slice(0, before.lastIndexOf('}') + 1))) {
  console.error(`${path}: what it holds would be changed. Nothing is written.`);
  process.exitCode = 1;
} else if (unheardOf.length > 0) {
  console.error(
    `No command of random sequences emits ${unheardOf.join(', ')}. Give the command that does data that are accepted, in` +
      ' libs/customer-relationship/src/test-commands.ts (commandExamples), and name the event in its `emits` or `brings`.',
  );
  process.exitCode = 1;
} else if (found.length > 0) {
  writeFileSync(path, after);
  console.log(found.map(({ type, metadata }) => `${path}: ${type}, schema ${metadata.schema}`).join('\n'));
} else console.log('Every event has its example.');
