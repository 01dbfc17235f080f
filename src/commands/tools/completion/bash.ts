/**
 * The bash script. It walks the words before the cursor as the program would, to know the
 * command, the place among its arguments, and the option that waits for its value. No
 * bash-completion package, and nothing newer than bash 3.2 (macOS), is needed.
 */
import type { ProgramDeclaration } from '../../shared/declaration.js';
import { type Flag, globalFlags, ownFlags, shellWord } from './flags.js';

export function bash(program: ProgramDeclaration): string {
  const globals = globalFlags(program);
  // Patterns for `case $command,$option`: any command knows the global ones.
  const patterns = [
    ...globals.map((flag) => ({ flag, pattern: alternatives('*', flag) })),
    ...program.commands.flatMap((command) =>
      ownFlags(command).map((flag) => ({ flag, pattern: alternatives(shellWord(command.name), flag) })),
    ),
  ];
  const withValue = patterns.filter(({ flag }) => flag.value !== undefined);
  const fixed = withValue.filter(({ flag }) => flag.values.length > 0);
  const files = withValue.filter(({ flag }) => flag.file);
  const own = program.commands.filter(({ options }) => options.length > 0);

  return `# bash completion for devstate. Generated: see scripts/generate.js.
_devstate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command= option= ended= glued= word i
  local position=0 candidates=()
  COMPREPLY=()

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # bash splits words at = and :, as in --output=json and redis://host.
    case $word in [:=]*) glued=1; continue ;; esac
    if [[ $glued || $option ]]; then
      glued= option=
    elif [[ $word == -- && ! $ended ]]; then
      ended=1
    elif [[ $word == -?* && ! $ended ]]; then
      case $command,$word in
        ${withValue.map(({ pattern }) => pattern).join(' | \\\n        ')}) option=$word ;;
      esac
    elif [[ $command ]]; then
      position=$((position + 1))
    else
      command=$word
    fi
  done
  case $cur in [:=]*) glued=1 cur= ;; esac
  [[ $glued && ! $option ]] && return

  if [[ $option ]]; then
    case $command,$option in
${lines(fixed.map(({ pattern, flag }) => `      ${pattern}) candidates=(${words(flag.values)}) ;;`))}
${lines(files.map(({ pattern }) => `      ${pattern}) _devstate_files; return ;;`))}
    esac
  elif [[ $cur == -* && ! $ended ]]; then
    candidates=(${words(globals.flatMap(({ names }) => names))})
    case $command in
${lines(own.map((command) => `      ${shellWord(command.name)}) candidates+=(${words(ownFlags(command).flatMap(({ names }) => names))}) ;;`))}
    esac
  elif [[ ! $command ]]; then
    candidates=(${words(program.commands.map(({ name }) => name))})
  else
    case $command,$position in
${lines(places(program))}
    esac
  fi
  for word in "\${candidates[@]}"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

_devstate_files() {
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
}

complete -F _devstate devstate
`;
}

function places({ commands }: ProgramDeclaration): string[] {
  return commands.flatMap((command) =>
    command.arguments.flatMap(({ values, variadic }, place) =>
      values === undefined
        ? []
        : [`      ${shellWord(command.name)},${variadic ? '*' : place}) candidates=(${words(values)}) ;;`],
    ),
  );
}

function alternatives(command: string, { names }: Flag): string {
  return names.map((name) => `${command},${name}`).join(' | ');
}

function words(texts: readonly string[]): string {
  return texts.map(shellWord).join(' ');
}

function lines(texts: readonly string[]): string {
  return texts.join('\n');
}
