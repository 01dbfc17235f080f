/** Parsing of the command line: the position of options, the help, and the errors for mistyped command lines. */
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { commands, globals } from '../../src/commands/index.js';
import { register } from '../../src/core/registry/register.js';
import { cli, text } from '../support/cli.js';
import { openFleet } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const nowhere = cli('redis://127.0.0.1:1');

describe('global options are accepted before and after the command', () => {
  test.each([
    ['get d1 -o name', 'd1\n'],
    ['-o name get d1', 'd1\n'],
    ['get -o name d1', 'd1\n'],
    ['get -oname d1', 'd1\n'],
    ['get d1 --output=name', 'd1\n'],
    ['--json get d1 --fields deviceId', '{\n  "deviceId": "d1"\n}\n'],
    ['--fields deviceId --no-headers get d1', 'd1\n'],
    ['get d1 --no-headers --fields=deviceId', 'd1\n'],
    ['-o table get --json d1 --fields deviceId', '{\n  "deviceId": "d1"\n}\n'],
    ['-q get d1 --fields deviceId --no-headers', 'd1\n'],
  ])('%s', async (argv, said) => {
    await register(await openFleet(redis), 'd1', 't');
    expect(await devstate.session(argv)).toBe(said);
  });

  test('no command option has the name of a global option', () => {
    const names = (flags: string) => flags.split(/[ ,]+/).filter((word) => word.startsWith('-'));
    const taken = new Set([
      ...globals.flatMap(({ flags }) => names(flags)),
      '-h',
      '--help',
      '-V',
      '--version',
    ]);
    const reused = commands.flatMap(({ name, options }) =>
      options.flatMap(({ flags }) =>
        names(flags)
          .filter((flag) => taken.has(flag))
          .map((flag) => `${name} ${flag}`),
      ),
    );
    expect(reused).toEqual([]);
  });
});

describe('-- ends the options', () => {
  test.each([
    ['get -o name -- -d', '-d\n'],
    ['-o name -- get -d', '-d\n'],
    [
      'get -o name -- --json',
      '! devstate: device "--json" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n',
    ],
    [
      'get -- -q',
      '! devstate: device "-q" is not registered\n! hint: devstate register ID --type TYPE\nexit 3\n',
    ],
    [
      'get -q d1 -- -o json',
      ['d1', '-o', 'json'].map((id) => `! devstate: device "${id}" is not registered\n`).join('') +
        'exit 3\n',
    ],
    ['set-desired -- -d a=-5', '-d desired version 1\n'],
  ])('%s', async (argv, said) => {
    await register(await openFleet(redis), '-d', 't');
    expect(await devstate.session(argv)).toBe(said);
  });
});

describe('a command line that cannot be parsed', () => {
  test.each<[argv: string, said: string]>([
    ['bogus', "! devstate: unknown command 'bogus'\n! hint: devstate --help\n"],
    ['regster d1', "! devstate: unknown command 'regster'\n! hint: did you mean register?\n"],
    ['list-onlin', "! devstate: unknown command 'list-onlin'\n! hint: did you mean list-online?\n"],
    ['help nonsense', "! devstate: unknown command 'nonsense'\n! hint: devstate --help\n"],
    ['get d1 --outptu json', "! devstate: unknown option '--outptu'\n! hint: did you mean --output?\n"],
    ['heartbeat d1 --reprot a=1', "! devstate: unknown option '--reprot'\n! hint: did you mean --report?\n"],
    ['stale -z', "! devstate: unknown option '-z'\n! hint: devstate stale --help\n"],
    ['--wrong', "! devstate: unknown option '--wrong'\n! hint: devstate --help\n"],
    [
      'get --output',
      "! devstate: option '-o, --output <format>' argument missing\n! hint: devstate get --help\n",
    ],
    ['get d1 --password x', "! devstate: unknown option '--password'\n! hint: devstate get --help\n"],
    [
      'get d1 -o xml',
      "! devstate: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are table, wide, json, ndjson, yaml, csv, name.\n! hint: devstate get --help\n",
    ],
    [
      '--dialect perl list',
      "! devstate: option '--dialect <dialect>' argument 'perl' is invalid. Allowed choices are node, python.\n! hint: devstate list --help\n",
    ],
    [
      'list --color sometimes',
      "! devstate: option '--color <when>' argument 'sometimes' is invalid. Allowed choices are auto, always, never.\n! hint: devstate list --help\n",
    ],
    [
      'list --request-timeout never',
      text`
        ! devstate: --request-timeout: bad duration "never"
        ! hint: durations are 500ms, 90s, 15m, 2h, 7d, joined 1h30m, or seconds
      `,
    ],
    [
      'list -n acme:',
      '! devstate: a namespace must not contain white space, braces or control characters, or end with a colon\n',
    ],
    [
      'list -n {a}',
      '! devstate: a namespace must not contain white space, braces or control characters, or end with a colon\n',
    ],
    [
      'list -n a:devices',
      '! devstate: a namespace must not have the segment "devices", with which keys of devices begin\n',
    ],
    [
      'register caf\ufffd --type t', // which Node.js makes of an id that is not UTF-8
      '! devstate: the argument "caf\ufffd" is not valid UTF-8\n',
    ],
    [
      'heartbeat d1 --report a=1 b=2',
      '! devstate: "b=2" is no device id\n! hint: did you mean --report b=2?\n',
    ],
    [
      'register d1 --type t --meta a=1 b=2',
      "! devstate: too many arguments for 'register'. Expected 1 argument but got 2.\n! hint: did you mean --meta b=2?\n",
    ],
    [
      'register --type t --meta a=1 b.c=x=y d1',
      "! devstate: too many arguments for 'register'. Expected 1 argument but got 2.\n! hint: did you mean --meta b.c=x=y?\n",
    ],
    ['completion', "! devstate: missing required argument 'shell'\n! hint: devstate completion --help\n"],
    ['completion csh', '! devstate: no completion for csh\n! hint: one of bash, zsh, fish\n'],
  ])('%s', async (argv, said) => {
    expect(await nowhere.session(argv)).toBe(`${said}exit 2\n`);
  });
});

describe('help', () => {
  test('devstate alone prints it on stdout, exit 0', async () => {
    const { exit, stdout, stderr } = await nowhere.run([]);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: devstate /);
    const { stdout: asked } = await nowhere.run('--help');
    expect(asked).toBe(stdout);
    expect((await nowhere.run('help')).stdout).toBe(stdout);
    expect((await nowhere.run('-h')).stdout).toBe(stdout);
  });

  test('groups the commands, each in one line of at most 100 columns', async () => {
    const { stdout } = await nowhere.run([]);
    expect(stdout.match(/^\w+:$/gm)).toEqual(['Options:', 'Devices:', 'Presence:', 'Shadow:', 'Tools:']);
    for (const { name, group, summary } of commands) {
      const section = stdout.slice(stdout.indexOf(`\n${group}:\n`)).split('\n\n')[0] as string;
      expect(section).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
      expect(stdout.replace(/\n {20,}/g, ' ')).toContain(summary);
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test.each(commands.map((command) => [command.name, command] as const))(
    'of %s: its options, the globals, examples',
    async (name, command) => {
      const { exit, stdout, stderr } = await nowhere.run([name, '--help']);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain(`Usage: devstate ${name}`);
      for (const { flags } of [...command.options, ...globals]) expect(stdout).toContain(flags);
      for (const example of command.examples) expect(stdout).toContain(`  $ ${example}\n`);
      expect((await nowhere.run(['help', name])).stdout).toBe(stdout);
      expect((await nowhere.run([name, 'd1', '-h'])).stdout).toBe(stdout);
    },
  );

  test.each(['--version', '-V', 'get --version'])('%s', async (argv) => {
    expect(await nowhere.session(argv)).toBe(`${packageJson.version}\n`);
  });
});

test('every example of the help runs', async () => {
  const fleet = await openFleet(redis);
  for (const id of ['sensor-001', 'a', 'b', 'c', 'gw-7']) await register(fleet, id, 'meter');
  const lines = commands
    .filter(({ name }) => name !== 'demo')
    .flatMap(({ examples }) => examples)
    // Only the part before a pipe. Left out: examples that read files, never end, use contexts or shell syntax.
    .map((line) => line.split(' | ').find((part) => part.startsWith('devstate ')) as string)
    .filter(
      (line) =>
        line !== undefined &&
        !/ -f |@| - |--every| - ?$|source|watch-presence|detect(?! --once)|--follow|--watch|context|[>]/.test(
          line,
        ),
    );
  for (const line of lines) {
    const argv = [...line.matchAll(/'([^']*)'|(\S+)/g)]
      .map(([, quoted, plain]) => quoted ?? (plain as string))
      .slice(1);
    const { stderr } = await devstate.run([...argv, ...(argv[0] === 'unregister' ? ['--yes'] : [])]);
    expect(stderr, line).not.toMatch(/hint: devstate \w+ --help|did you mean|no field/);
  }
  expect(lines.length).toBeGreaterThan(15);
});
