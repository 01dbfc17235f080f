/**
 * `npm run generate`: writes the files in completions/ and those parts of README.md that stand between
 * `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`, from the declarations of the commands and the
 * table of exit codes. With `--check` it writes nothing and fails if a file is out of date.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { load } from './load.js';
import { root, StageError, stages, tool } from './stage.js';

await stages(async () => {
  const [program, { completionScript }, { EXIT_CODES }] = await load(
    'src/commands/index.ts',
    'src/commands/tools/completion.ts',
    'src/cli/exit-codes.ts',
  );
  const readme = replacePart('commands', commandTables(program.commands), read('README.md'));
  const files = {
    ...Object.fromEntries(
      ['bash', 'zsh', 'fish'].map((shell) => [
        `completions/devstate.${shell}`,
        completionScript(shell, program),
      ]),
    ),
    'README.md': formatted('README.md', replacePart('exit-codes', exitCodeTable(EXIT_CODES), readme)),
  };
  const stale = Object.entries(files).filter(([path, text]) => read(path) !== text);
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      throw new StageError(`out of date: ${stale.map(([path]) => path).join(', ')}; run: npm run generate`);
    }
  } else {
    mkdirSync(`${root}completions`, { recursive: true });
    for (const [path, text] of stale) {
      writeFileSync(root + path, text);
      console.log(`wrote ${path}`);
    }
  }
});

function read(path) {
  return existsSync(root + path) ? readFileSync(root + path, 'utf8') : '';
}

function replacePart(name, text, document) {
  const [begin, end] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new StageError(`README.md has no part ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`;
}

/** Formats a text as `biome check` requires it; biome aligns the columns of Markdown tables. */
function formatted(path, text) {
  return execFileSync(tool('biome'), ['format', `--stdin-file-path=${path}`], {
    input: text,
    encoding: 'utf8',
  });
}

/** Returns a Markdown table for each group of commands, in the order of `commands`. */
function commandTables(commands) {
  return [...new Set(commands.map(({ group }) => group))]
    .map((group) => {
      const rows = commands.filter((command) => command.group === group);
      return `\n**${group}**\n\n${table(
        ['command', 'does'],
        rows.map((command) => [`\`${synopsis(command)}\``, command.summary]),
      )}\n`;
    })
    .join('');
}

/** Returns one line: `get ID…`, `list [--status online|offline] [--type TYPE]`. */
function synopsis({ name, arguments: args, options }) {
  const positionals = args.map(({ name: arg, values, required, variadic }) => {
    const text = `${values?.join('|') ?? arg.toUpperCase()}${variadic ? '…' : ''}`;
    return required ? text : `[${text}]`;
  });
  const flags = options.map(({ flags: declared, values }) => {
    const long = declared.match(/--[\w-]+/)[0];
    const value = declared.match(/<([^>]+)>/)?.[1];
    return value === undefined ? `[${long}]` : `[${long} ${values?.join('|') ?? value.toUpperCase()}]`;
  });
  return [name, ...positionals, ...flags].join(' ');
}

function exitCodeTable(codes) {
  return `\n${table(
    ['exit', 'code', 'when'],
    codes.map(({ exit, code, when }) => [String(exit), code && `\`${code}\``, when]),
  )}\n`;
}

function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
