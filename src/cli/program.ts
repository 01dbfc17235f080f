/** The command line, made by commander from the declarations; errors come out as ours. */
import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { commands } from '../commands/index.js';
import type { Command, Option } from '../commands/shared/command.js';
import { type Globals, globals } from '../commands/shared/global-options.js';
import { DevstateError, type ErrorCode, readOnlyError, usageError } from '../core/model/errors.js';
import { exitOf } from './exit-codes.js';
import type { Cancellation, Env, Streams } from './main.js';

const WIDTH = 100;

/** How a command line that threw nothing ended. */
export interface Ending {
  exit: number;
  /** It ran until it was told to end: SIGTERM is no failure. */
  service: boolean;
}

/** Parses and runs. Gives the exit code of what ended without an error. @throws DevstateError */
export async function runProgram(
  argv: readonly string[],
  env: Env,
  streams: Streams,
  ends: Cancellation,
): Promise<Ending> {
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
      code = (await withContext({ globals: globalOptions, argv, env, streams, ends }, async (context) => {
        if (command.writes && (await context.readOnly())) throw readOnlyError(command.name);
        return command.run(context, args, options);
      })) as ErrorCode | undefined;
    },
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (!HELP.has(error.code)) throw translate(error, argv);
    const [, topic] = program.args;
    if (error.exitCode !== 0 && topic !== undefined)
      throw usageError(`unknown command '${topic}'`, 'devstate --help');
    await new Promise<void>((resolve) => streams.stdout.write(help, () => resolve()));
  }
  return { exit: code === undefined ? 0 : exitOf(code), service };
}

const HELP = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

type Run = (
  command: Command,
  globals: Globals,
  args: string[],
  options: Record<string, unknown>,
) => Promise<void>;

function build(write: (text: string) => void, run: Run): Commander {
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
    .configureHelp({ showGlobalOptions: true, helpWidth: WIDTH })
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
      const value = parse ? named(flags, () => parse(text)) : text;
      return repeat ? [...((previous as unknown[] | undefined) ?? []), value] : value;
    });
  }
  return option;
}

/** A bad value's error names the option it was given to. */
function named<T>(flags: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DevstateError)) throw error;
    throw usageError(`${/--[\w-]+/.exec(flags)?.[0]}: ${error.message}`, error.hint);
  }
}

/** Commander's words in our form: what, and below it what to do. */
function translate(error: CommanderError, argv: readonly string[]): DevstateError {
  const [first = '', second = ''] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(second)?.[1];
  const command = commands.find(({ name }) => argv.includes(name))?.name;
  const help = command ? `devstate ${command} --help` : 'devstate --help';
  const stray = error.code === 'commander.excessArguments' ? strayAssignment(argv) : undefined;
  return usageError(first, stray ?? (suggestion ? `did you mean ${suggestion}?` : help));
}

/** `--report a=1 b=2`: the option takes one value each time. */
function strayAssignment(argv: readonly string[]): string | undefined {
  const at = argv.findIndex(
    (arg, i) =>
      i >= 2 && isAssignment(arg) && isAssignment(argv[i - 1]) && /^--(report|meta)$/.test(argv[i - 2] ?? ''),
  );
  return at === -1 ? undefined : `did you mean ${argv[at - 2]} ${argv[at]}?`;
}

function isAssignment(arg: string | undefined): boolean {
  return arg !== undefined && /^[^-=][^=]*=/.test(arg);
}
