/**
 * The bash completion script. It reads the words before the cursor to find the command, the number
 * of arguments so far, and an option whose value is being typed. It must run on bash 3.2 (macOS)
 * and without the bash-completion package.
 */
import type { ProgramDeclaration } from '../../shared/declaration.js';
import { type Flag, globalFlags, ownFlags, shellWord } from './flags.js';

export function bash(program: ProgramDeclaration): string {
  const globals = globalFlags(program);
  // Patterns of `case $command,$option` in the script. Global options match with any command.
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
${joinLines(fixed.map(({ pattern, flag }) => `      ${pattern}) candidates=(${bashWords(flag.values)}) ;;`))}
${joinLines(files.map(({ pattern }) => `      ${pattern}) _devstate_files; return ;;`))}
    esac
  elif [[ $cur == -* && ! $ended ]]; then
    candidates=(${bashWords(globals.flatMap(({ names }) => names))})
    case $command in
${joinLines(own.map((command) => `      ${shellWord(command.name)}) candidates+=(${bashWords(ownFlags(command).flatMap(({ names }) => names))}) ;;`))}
    esac
  elif [[ ! $command ]]; then
    candidates=(${bashWords(program.commands.map(({ name }) => name))})
  else
    case $command,$position in
${joinLines(argumentCases(program))}
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

function argumentCases({ commands }: ProgramDeclaration): string[] {
  return commands.flatMap((command) =>
    command.arguments.flatMap(({ values, variadic }, index) =>
      values === undefined
        ? []
        : [
            `      ${shellWord(command.name)},${variadic ? '*' : index}) candidates=(${bashWords(values)}) ;;`,
          ],
    ),
  );
}

function alternatives(command: string, { names }: Flag): string {
  return names.map((name) => `${command},${name}`).join(' | ');
}

function bashWords(texts: readonly string[]): string {
  return texts.map(shellWord).join(' ');
}

function joinLines(texts: readonly string[]): string {
  return texts.join('\n');
}
