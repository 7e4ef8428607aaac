import { CommanderError } from 'commander';
import { badUsage, BadUsage, exitCodeOf, StartupFailure } from '#program';
import { commandLine, usageOf, type Verb } from './command-line.js';

/** Does what the command line asks for. The process ends by itself, with the exit code that was set. */
export async function run(args: readonly string[]): Promise<void> {
  let verb: Verb | undefined;
  const program = commandLine().hook('preAction', (_program, chosen) => {
    verb = chosen;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Said by the parser already. It ends so after --help too.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : badUsage;
      return;
    }
    const usage = error instanceof BadUsage && verb ? `\n${usageOf(verb)}` : '';
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}${usage}\n`);
    process.exitCode =
      error instanceof BadUsage ? badUsage : error instanceof StartupFailure ? error.exitCode : exitCodeOf(error);
  }
}
