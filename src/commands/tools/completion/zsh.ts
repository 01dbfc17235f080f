/** The zsh completion script, made of specifications for zsh's `_arguments`. */
import type { CommandDeclaration, ProgramDeclaration } from '../../shared/declaration.js';
import { type Flag, globalFlags, ownFlags, shellWord } from './flags.js';

export function zsh(program: ProgramDeclaration): string {
  return `#compdef devstate
# zsh completion for devstate. Generated: see scripts/generate.js.
_devstate() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a globals commands
  globals=(
${globalFlags(program)
  .flatMap(flagSpecs)
  .map((spec) => `    ${shellWord(spec)}`)
  .join('\n')}
  )
  commands=(
${program.commands
  .map(({ name, summary }) => `    ${shellWord(`${escaped(name, ':')}:${summary}`)}`)
  .join('\n')}
  )
  _arguments -C $globals '1:command:->command' '*::argument:->argument' && return
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
${program.commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}

# Autoloaded from $fpath, this file is the function and completes at once; sourced, it registers the function.
if [[ $funcstack[1] == _devstate ]]; then
  _devstate "$@"
else
  compdef _devstate devstate
fi
`;
}

function commandCase(command: CommandDeclaration): string {
  const specs = [...ownFlags(command).flatMap(flagSpecs), ...argumentSpecs(command)];
  const list = specs.map((spec) => ` \\\n            ${shellWord(spec)}`).join('');
  return `        ${shellWord(command.name)})
          _arguments $globals${list}
          ;;`;
}

/**
 * Returns the specifications of an option for zsh's `_arguments`, one for each of its names. The names exclude each
 * other, unless the option may be repeated.
 */
function flagSpecs({ names, summary, repeat, value, values, file }: Flag): string[] {
  const exclusions = repeat ? '*' : `(${names.join(' ')})`;
  const action = file ? '_files' : choice(values);
  return names.map((name) => {
    const join = value === undefined ? '' : name.startsWith('--') ? '=' : '+';
    const after = value === undefined ? '' : `:${escaped(value, ':')}:${action}`;
    return `${exclusions}${name}${join}[${escaped(summary, '[]')}]${after}`;
  });
}

function argumentSpecs(command: CommandDeclaration): string[] {
  return command.arguments.map(({ name, required, variadic, values = [] }, index) => {
    const position = variadic ? '*' : `${index + 1}${required ? '' : ':'}`;
    return `${position}:${escaped(name, ':')}:${choice(values)}`;
  });
}

/**
 * Returns the action of a specification for zsh's `_arguments`: it completes the values; without values zsh only
 * shows the argument's name.
 */
function choice(values: readonly string[]): string {
  return values.length === 0
    ? ' '
    : `(${values.map((value) => value.replace(/[^\w.@/+=-]/g, '\\$&')).join(' ')})`;
}

function escaped(text: string, special: string): string {
  return [...text].map((char) => (char === '\\' || special.includes(char) ? `\\${char}` : char)).join('');
}
