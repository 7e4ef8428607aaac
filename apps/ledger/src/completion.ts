import type { CommandUnknownOpts } from '@commander-js/extra-typings';

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;

/**
 * What may follow: under `token` its options, under `token --role` the roles. The scripts hold all of it, so that a key press
 * starts no process.
 */
type Continuations = ReadonlyMap<string, readonly string[]>;

function continuationsOf(verb: CommandUnknownOpts, path: string): Continuations {
  const below = new Map<string, readonly string[]>();
  const values = verb.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const options = verb.options.map(({ long, short }) => long ?? short ?? '');
  below.set(path, [...verb.commands.map((each) => each.name()), ...values, ...options, '--help']);
  for (const { long, argChoices } of verb.options) if (long && argChoices) below.set(`${path} ${long}`, argChoices);
  for (const each of verb.commands)
    for (const [context, words] of continuationsOf(each, `${path} ${each.name()}`)) below.set(context, words);
  return below;
}

/** The script for a shell that completes the words after `ledger`. */
export function completionOf(program: CommandUnknownOpts, shell: (typeof shells)[number]): string {
  const continuations = continuationsOf(program, 'ledger');
  switch (shell) {
    case 'bash':
      return bash(continuations);
    case 'zsh':
      // zsh runs completions that are written for bash.
      return `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(continuations)}`;
    case 'fish':
      return fish(continuations);
    case 'powershell':
      return powershell(continuations);
  }
}

function bash(continuations: Continuations): string {
  return `_ledger_words() {
  case "$1" in
${[...continuations].map(([context, words]) => `    '${context}') echo '${words.join(' ')}' ;;`).join('\n')}
    *) return 1 ;;
  esac
}
_ledger() {
  local at=ledger i
  for ((i = 1; i < COMP_CWORD; i++)); do
    at="\${at%% --*}"
    _ledger_words "$at \${COMP_WORDS[i]}" >/dev/null && at="$at \${COMP_WORDS[i]}"
  done
  COMPREPLY=($(compgen -W "$(_ledger_words "$at")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _ledger ledger
`;
}

function fish(continuations: Continuations): string {
  return `function __ledger_words
  set -l at ledger
  for word in (commandline -opc)[2..]
    set at (string replace -r ' --.*' '' -- $at)
    switch "$at $word"
      case ${[...continuations.keys()].map((context) => `'${context}'`).join(' ')}
        set at "$at $word"
    end
  end
  switch $at
${[...continuations].map(([context, words]) => `    case '${context}'\n      printf '%s\\n' ${words.join(' ')}`).join('\n')}
  end
end
complete -c ledger -f -a '(__ledger_words)'
`;
}

function powershell(continuations: Continuations): string {
  const table = [...continuations].map(
    ([context, words]) => `    '${context}' = @(${words.map((word) => `'${word}'`).join(', ')})`,
  );
  return `Register-ArgumentCompleter -Native -CommandName ledger -ScriptBlock {
  param($word, $line, $cursor)
  $words = @{
${table.join('\n')}
  }
  $before = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | Select-Object -Skip 1)
  $at = 'ledger'
  foreach ($each in $before) {
    $at = $at -replace ' --.*', ''
    if ($words.ContainsKey("$at $each")) { $at = "$at $each" }
  }
  $words[$at] | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`;
}
