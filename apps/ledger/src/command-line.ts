import { Argument, Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { roles } from '#customer-relationship';
import { dataDirectoryOf, exitCodes } from '#program';
import { completionOf, shells } from './completion.js';
import { day, matching, tenant, time, url, wholeNumber } from './values.js';

// The verbs of the command line: their options, and which application does them. Each is loaded only when it is asked for.

export type Verb = CommandUnknownOpts;

const asJson = () => new Option('--json', 'print one JSON document, for programs').default(false);
const dataDir = () => new Option('--data-dir <dir>', 'the data directory (default: DATA_DIR, else ./data)');

export function commandLine(): Command {
  const program = new Command(ownName())
    .description('Everything that is done with a Reseller Ledger. It reads the same environment as the server does.')
    .exitOverride()
    .addHelpText('after', () => `\n${exitCodeTable()}`);

  program
    .command('start')
    .description('run the server with its projector; Ctrl-C drains and stops it')
    .action(async () => {
      await import('../../server/src/main.js');
    });

  program
    .command('token')
    .description('print a token of the embedded key, and nothing else')
    .addOption(new Option('--role <role...>', 'what the caller may do; may be repeated').choices(roles).default([]))
    .option('--partner <guid>', 'the partner whose person or program it is for', tenant)
    .option('--customer <guid>', 'the customer whose Global admin it is for', tenant)
    .option('--app', "for one of the partner's programs instead of a person", false)
    .option(
      '--user <id>',
      'who it is (default: a new id)',
      matching(/^[\x21-\x7e]{1,128}$/, '1 to 128 visible ASCII characters'),
    )
    .addOption(new Option('--minutes <n>', 'how long it is good').argParser(wholeNumber(1, 999_999)).default(60))
    .addOption(asJson())
    .addHelpText(
      'after',
      examples('token --role GlobalAdmin --role AdminAgent --partner GUID', 'token --customer GUID --minutes 480'),
    )
    .action(async (options) => (await import('../../server/src/verbs/token.js')).printToken(options));

  const clock = program
    .command('clock')
    .description('what the server thinks of its clock; run it where the server runs, with its DATA_DIR');
  clock
    .command('show')
    .description('say whether the server trusts its clock')
    .addOption(asJson())
    .action(async (options) => (await import('../../server/src/verbs/clock.js')).showClock(options));
  clock
    .command('agree')
    .description('agree to a jump of the clock')
    .argument('<time>', 'the present time, or the day, as you know it from elsewhere')
    .addOption(asJson())
    .addHelpText('after', examples('clock agree 2026-11-29T16:00Z', 'clock agree 2026-11-29'))
    .action(async (at, options) => (await import('../../server/src/verbs/clock.js')).agreeToClock(at, options));

  program
    .command('keys')
    .description('show which keys there are, make or renew them; never their content')
    .option('--make <dir>', 'make the keys that several servers share; overwrites none')
    .option('--renew-token-key', 'make a new key for tokens: those given out so far end', false)
    .option('--renew-ledger-secret', 'make a new secret, when the old one is lost for good', false)
    .option('--adopt-ledger-secret', "make the secret in KEYS_DIR the ledger's", false)
    .addOption(asJson())
    .addHelpText('after', examples('keys', 'keys --make ./keys'))
    .action(async (options) => (await import('../../server/src/verbs/keys.js')).manageKeys(options));

  program
    .command('integrity')
    .description('check every stored event: file, definitions, revisions, hash chains, what the views know')
    .addOption(dataDir())
    .addOption(asJson())
    .addHelpText('after', examples('integrity', 'integrity --data-dir ./restored --json'))
    .action(async (options) =>
      unread(
        (await import('../../auditor/src/verbs/integrity.js')).checkLedger(dataDirectoryOf(options.dataDir), options),
      ),
    );

  program
    .command('due')
    .description('list from the log what comes next by time alone')
    .option('--partner <guid>', 'of this partner only', tenant)
    .option('--customer <guid>', 'of this customer only', tenant)
    .option('--until <time>', 'up to this time', time)
    .addOption(dataDir())
    .addOption(asJson())
    .addHelpText('after', examples('due', 'due --partner GUID --until 2027-01-31'))
    .action(async ({ partner, customer, dataDir: directory, ...options }) =>
      unread(
        (await import('../../auditor/src/verbs/due.js')).listDue(dataDirectoryOf(directory), {
          partnerId: partner,
          customerId: customer,
          ...options,
        }),
      ),
    );

  program
    .command('rebuild')
    .description('rebuild views from the log, with the server stopped')
    .argument('[views...]', 'which ones (default: all)')
    .addOption(dataDir())
    .option('--accept-lost-events', 'also where the views show events that the log does not have', false)
    .addOption(asJson())
    .addHelpText('after', examples('rebuild', 'rebuild items customer-list'))
    .action(async (views, options) =>
      (await import('../../projector/src/verbs/rebuild.js')).rebuildViews(
        dataDirectoryOf(options.dataDir),
        views,
        options,
      ),
    );

  program
    .command('projector')
    .description('run the projector as a process of its own; start the server with PROJECTOR=off')
    .addOption(dataDir())
    .action(async (options) =>
      (await import('../../projector/src/verbs/projector.js')).project(dataDirectoryOf(options.dataDir)),
    );

  program
    .command('demo')
    .description('send an invented book of business to a running server')
    .addOption(new Option('--customers <n>', 'how many').argParser(wholeNumber(1, 1_000_000)).default(1_000))
    .addOption(
      new Option('--seed <text>', 'the same seed makes the same book')
        .argParser(matching(/^[\w.-]{1,40}$/, '1 to 40 letters, digits, ".", "_" or "-"'))
        .default('1'),
    )
    .option('--url <url>', 'the server (default: the one of PORT on this machine)', url)
    .option('--today <day>', "the day that dates count back from (default: the server's)", day)
    .addHelpText('after', examples('demo', 'demo --customers 10 --today 2026-11-22'))
    .addHelpText(
      'after',
      `
A second run of the same seed replays the first and changes nothing, and a longer one goes on from it. Dates are part of the
commands, so a run on another day needs the --today of the first, or another seed. Tokens are signed with the server's own key,
found by DATA_DIR or KEYS_DIR; partners are read from PARTNERS_FILE.`,
    )
    .action(async (options) => (await import('../../demo/src/verbs/demo.js')).playDemo(options));

  program
    .command('completion')
    .description('print a script that completes verbs and options in a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .addHelpText('after', () => `\nExample:\n  source <(${ownName()} completion bash)`)
    .action((shell) => {
      process.stdout.write(completionOf(program, shell));
    });

  for (const verb of verbsBelow(program)) verb.showHelpAfterError(usageOf(verb));
  return program;
}

/** One line that says how a verb is used. */
export function usageOf(verb: Verb): string {
  const path: string[] = [];
  for (let at: Verb | null = verb; at; at = at.parent) path.unshift(at.name());
  return `Usage: ${path.join(' ')} ${verb.usage()}`;
}

export function verbsBelow(verb: Verb): Verb[] {
  return [verb, ...verb.commands.flatMap(verbsBelow)];
}

/** How it was called, so that what it prints can be typed. */
function ownName(): string {
  const script = process.env['npm_lifecycle_event'];
  return script === undefined ? 'ledger' : script === 'npx' ? 'npx ledger' : 'npm run ledger --';
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${ownName()} ${line}`).join('\n')}`;
}

function exitCodeTable(): string {
  const rows = exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(3)} ${meaning.replaceAll('`', '')}`);
  return `Exit codes:\n${rows.join('\n')}`;
}

/** Of the verbs that only read: they have an exit code of their own for what they cannot tell. */
async function unread(reading: Promise<void>): Promise<void> {
  await reading.catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  });
}
