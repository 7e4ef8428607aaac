import { readFileSync } from 'node:fs';
import { fileUnusable } from '#event-sourcing';
import { unsafeNames } from '#http';
import { badConfiguration, StartupFailure } from '#program';

export interface ListFile {
  readonly entries: readonly unknown[];
  /** What to throw for faults of the entries. */
  readonly fail: (...faults: readonly string[]) => StartupFailure;
}

/** A file of the operator that holds a list in JSON; `variable` names it. @throws StartupFailure */
export function listIn(path: string, what: string, variable: string, ofEntry: string): ListFile {
  const fail = (...faults: readonly string[]) =>
    new StartupFailure(
      `${what} ${path} is not right (set ${variable} to use another):\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
      badConfiguration,
    );
  let entries: unknown;
  try {
    // Some editors put a byte order mark at the start of a file.
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
    entries = JSON.parse(text);
    const fault = unsafeNames(text, 10);
    if (fault) throw fail(`it ${fault.detail} (line ${text.slice(0, fault.at).split('\n').length})`);
  } catch (error) {
    if (error instanceof StartupFailure) throw error;
    if (error instanceof SyntaxError) throw fail(`it is not JSON: ${error.message}`);
    const restore = `Set ${variable} to the file of your ${ofEntry}s`;
    const { message } = fileUnusable({ what, path, purpose: 'read', restore }, error);
    throw new StartupFailure(message, badConfiguration);
  }
  if (!Array.isArray(entries) || entries.length === 0) throw fail(`it must be a list of at least one ${ofEntry}`);
  return { entries: entries as unknown[], fail };
}
