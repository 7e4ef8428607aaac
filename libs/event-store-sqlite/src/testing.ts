import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export { appendTo, sealedAt } from '#event-sourcing/testing';
export { eventually } from '../../../test/eventually.js';

/** A directory of its own for one test. */
export function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'event-store-'));
  return { path, events: join(path, 'events.sqlite'), remove: () => rmSync(path, { recursive: true, force: true }) };
}
