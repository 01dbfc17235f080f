/** The completion scripts: that of bash is run as readline runs it, the text of all is checked. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Command, command } from '../../../src/commands/shared/command.js';
import { completion, completionScript } from '../../../src/commands/tools/completion.js';

const program = {
  globals: [
    { flags: '-u, --url <url>', summary: 'the server: [socket] or $HOST' },
    { flags: '-o, --output <format>', summary: "how it's shown", values: ['table', 'json', 'ndjson'] },
    { flags: '--ca <path>', summary: 'a certificate' },
    { flags: '--json', summary: 'as -o json' },
  ],
  commands: [
    sample('get', { arguments: [{ name: 'id', summary: 'which', required: true, variadic: true }] }),
    sample('register', {
      arguments: [{ name: 'id', summary: 'which' }],
      options: [
        { flags: '--type <type>', summary: 'its type' },
        { flags: '-f, --file <path>', summary: 'NDJSON' },
        { flags: '--meta <doc>', summary: 'a document', repeat: true },
        { flags: '--odd <x>', summary: 'odd values', values: ["it's", '$(touch pwned)'] },
      ],
    }),
    completion,
  ],
};

function sample(name: string, rest: Partial<Command>): Command {
  const summary = `${name} it: "quoted" \`touch pwned\``;
  return command({
    name,
    group: 'Tools',
    summary,
    arguments: [],
    options: [],
    examples: [],
    ...rest,
    run: async () => {},
  });
}

const folder = mkdtempSync(join(tmpdir(), 'devstate-'));
beforeAll(() => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    writeFileSync(join(folder, `devstate.${shell}`), completionScript(shell, program));
  }
  writeFileSync(join(folder, 'fleet one.ndjson'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bash', () => {
  const ASK = `source devstate.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _devstate
    printf '%s\\n' "\${COMPREPLY[@]}"`;

  /** @param words as readline splits them; the last one is at the cursor */
  function complete(...words: string[]): string[] {
    const args = ['--norc', '-c', ASK, 'bash', 'devstate', ...words];
    const output = execFileSync('bash', args, { cwd: folder, encoding: 'utf8' });
    return output.split('\n').filter((line) => line !== '');
  }

  it.each([
    [[''], ['get', 'register', 'completion']],
    [['re'], ['register']],
    [['--o'], ['--output']],
    [
      ['-o', ''],
      ['table', 'json', 'ndjson'],
    ],
    [['-o', 'json', 'g'], ['get']],
    [['--output', '=', 'n'], ['ndjson']],
    [
      ['--output', '='],
      ['table', 'json', 'ndjson'],
    ],
    [['--output', '=', 'json', 'c'], ['completion']],
    [['-u', 'redis', ':', '//h', ':', '1', 'g'], ['get']],
    [['-u', 'redis', ':', '//'], []],
    [['get', '--t'], []],
    [['get', '--j'], ['--json']],
    [['get', 'aa', ':', 'bb', ''], []],
    [['register', '--t'], ['--type']],
    [['register', '--type', ''], []],
    [['register', '--type', 'x', 'id', '--m'], ['--meta']],
    [
      ['register', '--odd', ''],
      ["it's", '$(touch pwned)'],
    ],
    [['register', '-f', 'fleet'], ['fleet one.ndjson']],
    [['--ca', 'fleet'], ['fleet one.ndjson']],
    [['register', '--', '--t'], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['completion', 'b'], ['bash']],
    [['completion', 'bash', ''], []],
    [['completion', '--h'], ['--help']],
  ])('%j → %j', (words, expected) => {
    expect(complete(...words)).toEqual(expected);
  });
});

// If a shell is not installed, the text of its script is checked all the same.
describe.each(['bash', 'zsh', 'fish'])('%s', (shell) => {
  const script = completionScript(shell, program);

  it('is a script that the shell can parse', () => {
    const { error, status, stderr } = spawnSync(shell, ['-n', join(folder, `devstate.${shell}`)], {
      encoding: 'utf8',
    });
    expect(error ? 'not installed' : `${status} ${stderr}`).toMatch(/^(0 |not installed)$/);
  });

  it('names every command, option and fixed value', () => {
    const names = [
      'get',
      'register',
      'completion',
      'url',
      'output',
      'ca',
      'json',
      'type',
      'file',
      'meta',
      'odd',
      'help',
      'version',
    ];
    for (const word of [...names, 'table', 'ndjson', 'bash', 'zsh', 'fish'])
      expect(script).toMatch(new RegExp(`\\b${word}\\b`));
  });

  it('has no expansion within quoted texts', () => {
    const literal = shell === 'fish' ? /'(?:[^'\\]|\\.)*'/g : /'[^']*'|\\'/g;
    const unquoted = script.replace(literal, '');
    expect(unquoted).not.toContain('pwned');
    expect(unquoted).not.toContain('$HOST');
  });
});

it('is refused for other shells', () => {
  expect(() => completionScript('csh', program)).toThrow('no completion for csh');
  expect(() => completionScript('constructor', program)).toThrow('no completion');
});
