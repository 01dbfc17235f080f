/** Builds commander's parser from the declarations of the commands, parses argv with it, and runs the command. */
import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { commands, globals } from '../commands/index.js';
import type { Command } from '../commands/shared/command.js';
import type { Option } from '../commands/shared/declaration.js';
import type { Globals } from '../commands/shared/global-options.js';
import { type ErrorCode, quote, readOnlyError, usageError } from '../core/model/errors.js';
import { exitOf } from './exit-codes.js';
import type { Invocation } from './invocation.js';
import { fromCommander, namingOption } from './usage-errors.js';

const HELP_WIDTH = 100;

/** The result of a command line that threw no error. */
export interface Completion {
  exit: number;
  /**
   * True: the command runs until it is stopped, so SIGTERM ends it with the exit code `exit`. False: SIGTERM ends
   * it with 143.
   */
  service: boolean;
}

/**
 * Parses a command line and runs its command.
 * @throws DevstateError USAGE: the command line cannot be parsed; and every error of the command
 */
export async function runProgram(invocation: Invocation): Promise<Completion> {
  const { argv, output } = invocation;
  refuseUndecodable(argv);
  let help = '';
  let code: ErrorCode | undefined;
  let service = false;
  const program = build(
    (text) => {
      help += text;
    },
    async (command, globalOptions, args, options) => {
      service = command.service ?? false;
      const { withContext } = await import('./command-context.js');
      const declarations = { globals, commands };
      const hasEffects = command.writes ?? false;
      code = (await withContext(invocation, globalOptions, { declarations, hasEffects }, async (context) => {
        if (hasEffects && (await context.readOnly())) throw readOnlyError(command.name);
        return command.run(context, args, options);
      })) as ErrorCode | undefined;
    },
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (!HELP_CODES.has(error.code)) throw fromCommander(error, argv);
    const [, topic] = program.args;
    if (error.exitCode !== 0 && topic !== undefined)
      throw usageError(`unknown command '${topic}'`, 'devstate --help');
    await output.write(help);
  }
  return { exit: code === undefined ? 0 : exitOf(code), service };
}

/**
 * Refuses arguments that are not UTF-8. Node.js puts U+FFFD in place of bytes that it cannot decode, so two different
 * ids would become the same one. U+FFFD itself can be given in a file or in standard input.
 * @throws DevstateError USAGE
 */
function refuseUndecodable(argv: readonly string[]): void {
  const refused = argv.find((arg) => arg.includes('\ufffd'));
  if (refused !== undefined) throw usageError(`the argument ${quote(refused, 60)} is not valid UTF-8`);
}

/**
 * The codes of errors that commander throws to end the program after it has printed the help or the version. They
 * are not failures: the exit code is 0.
 */
const HELP_CODES = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

type RunCommand = (
  command: Command,
  globalOptions: Globals,
  args: string[],
  options: Record<string, unknown>,
) => Promise<void>;

function build(write: (text: string) => void, run: RunCommand): Commander {
  const program = configure(new Commander('devstate'), write)
    .description('The state of IoT devices in Redis: who is online, what they report, what they should be.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nTry it without a server of your own: devstate demo\nCommand help: devstate COMMAND --help',
    );
  program.addHelpCommand(
    configure(new Commander('help'), write)
      .argument('[command]')
      .description('Print the help of a command')
      .helpGroup('Tools:'),
  );
  for (const option of globals) program.addOption(commanderOption(option));
  for (const command of commands) {
    const sub = configure(program.command(command.name), write)
      .summary(command.summary)
      .description(command.summary);
    sub.helpGroup(`${command.group}:`);
    for (const { name, summary, required, variadic } of command.arguments) {
      const shape = `${name}${variadic ? '...' : ''}`;
      sub.argument(required ? `<${shape}>` : `[${shape}]`, summary);
    }
    for (const option of command.options) sub.addOption(commanderOption(option));
    sub.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join('\n')}`);
    sub.action(() => run(command, program.opts(), sub.args, sub.opts()));
  }
  return program;
}

function configure(command: Commander, write: (text: string) => void): Commander {
  return command
    .exitOverride()
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: HELP_WIDTH })
    .configureOutput({ writeOut: write, writeErr: write, outputError: () => {} })
    .helpOption('-h, --help', 'print help');
}

function commanderOption({ flags, summary, parse, values, repeat }: Option): CommanderOption {
  const option = new CommanderOption(flags, summary);
  if (values) option.choices([...values]);
  if (flags.startsWith('-v,'))
    return option.argParser((_text, count: number | undefined) => (count ?? 0) + 1);
  if (parse || repeat) {
    option.argParser((text: string, previous: unknown) => {
      const value = parse ? namingOption(flags, () => parse(text)) : text;
      return repeat ? [...((previous as unknown[] | undefined) ?? []), value] : value;
    });
  }
  return option;
}
