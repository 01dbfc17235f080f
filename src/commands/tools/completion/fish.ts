/** The fish completion script: one `complete` command for each option, command and argument value. */
import type { CommandDeclaration, ProgramDeclaration } from '../../shared/declaration.js';
import { type Flag, globalFlags, ownFlags } from './flags.js';

export function fish(program: ProgramDeclaration): string {
  const globals = globalFlags(program);
  const withValue = globals.filter(({ value }) => value !== undefined).flatMap(({ names }) => names);
  return `# fish completion for devstate. Generated: see scripts/generate.js.

# Succeeds if the line has the given command; without an argument, if it has no command yet.
function __devstate_at
    set -l command
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word ${withValue.map(fishWord).join(' ')}
            set skip yes
        else if not string match -q -- '-*' $word
            set command $word
            break
        end
    end
    test "$command" = "$argv[1]"
end

complete -c devstate -f
${globals.map((flag) => complete('', flag)).join('\n')}

${program.commands
  .map(
    ({ name, summary }) =>
      `complete -c devstate -n __devstate_at -a ${quoted(fishWord(name))} -d ${quoted(summary)}`,
  )
  .join('\n')}
${program.commands.map(commandLines).join('')}`;
}

function commandLines(command: CommandDeclaration): string {
  const when = ` -n ${quoted(`__devstate_at ${fishWord(command.name)}`)}`;
  const values = command.arguments.flatMap((argument) => argument.values ?? []);
  const lines = ownFlags(command).map((flag) => complete(when, flag));
  if (values.length > 0) lines.push(`complete -c devstate${when} -a ${valueList(values)}`);
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

function complete(when: string, { names, summary, value, values, file }: Flag): string {
  const name = names
    .map((text) => (text.startsWith('--') ? ` -l ${fishWord(text.slice(2))}` : ` -s ${text.slice(1)}`))
    .join('');
  const takes = value === undefined ? '' : file ? ' -r -F' : ' -x';
  const fixed = values.length === 0 ? '' : ` -a ${valueList(values)}`;
  return `complete -c devstate${when}${name}${takes}${fixed} -d ${quoted(summary)}`;
}

/**
 * Returns the argument of fish's option `-a`: a list of values. The list is quoted as a whole, and each value in it
 * again, because fish splits the list into words when it completes.
 */
function valueList(values: readonly string[]): string {
  return quoted(values.map(fishWord).join(' '));
}

function fishWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
