/** The saved contexts: `devstate context`, the file, and which server a command uses. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { changeContexts, contextsPath, readContexts } from '../../src/cli/saved-contexts-file.js';
import { cli, type RunOptions, text } from '../support/cli.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const SECRET = 's3same';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  file = join(folder, 'config', 'config.toml');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The environment names no server. */
const bare = cli('');

/** Runs a command line with the test's contexts; `URL` in it, and in the returned output, stands for the server's URL. */
async function session(argv: string, options: RunOptions = {}): Promise<string> {
  const env = { DEVSTATE_CONFIG: file, ...options.env };
  const said = await bare.session(argv.replace('URL', redis.url), { ...options, env });
  expect(said).not.toContain(SECRET);
  return said.replaceAll(folder, 'FOLDER').replaceAll(redis.url, 'URL');
}

function written(content: string, mode = 0o600): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content.replaceAll('URL', redis.url));
  chmodSync(file, mode);
}

const PROD = `set prod --url rediss://ops:${SECRET}@db:6379 -n acme --ca ca.pem --protected`;

describe('devstate context', () => {
  test('saves servers by name, and prints no password', async () => {
    expect(await session('context list')).toBe('! no contexts\n');
    expect(await session(`context ${PROD}`)).toBe('prod set\n');
    expect(await session('context set test --url redis://db2 --dialect python --read-only')).toBe(
      'test set\n',
    );
    expect(await session('context use test')).toBe('test is current\n');
    expect(await session('context list')).toBe(text`
      CURRENT   NAME   URL                        NAMESPACE   ACCESS
      -         prod   rediss://ops:***@db:6379   acme        protected
      *         test   redis://db2                -           read-only
    `);
    expect(await session('context list -o name')).toBe('prod\ntest\n');
    expect(JSON.parse(await session('context show prod --json'))).toEqual({
      name: 'prod',
      current: false,
      url: 'rediss://ops:***@db:6379',
      namespace: 'acme',
      dialect: null,
      readOnly: false,
      protected: true,
      ca: join(process.cwd(), 'ca.pem'),
      cert: null,
      key: null,
      insecure: false,
      role: null,
      partitions: null,
      historyCap: null,
    });
    const shown = await session('context show');
    expect(shown).toMatch(/^NAME +test\n/m);
    expect(await session('context show --context test')).toBe(shown);
    expect(await session('context remove test --json')).toBe('{\n  "name": "test",\n  "removed": true\n}\n');
    expect(await session('context show -q')).toBe('! devstate: there is no current context\nexit 2\n');
    expect(readFileSync(file, 'utf8')).toContain(`rediss://ops:${SECRET}@db:6379`);
  });

  test('set changes the given fields and removes the unset ones', async () => {
    await session(`context ${PROD} --read-only --dialect node`);
    await session('context set prod -n other --no-protected');
    expect(JSON.parse(await session('context show prod --json'))).toMatchObject({
      url: 'rediss://ops:***@db:6379',
      namespace: 'other',
      dialect: 'node',
      readOnly: true,
      protected: false,
    });
    await session('context set prod --unset readOnly --unset namespace --unset dialect --unset ca');
    expect(JSON.parse(await session('context show prod --json'))).toMatchObject({
      url: 'rediss://ops:***@db:6379',
      namespace: null,
      dialect: null,
      readOnly: false,
      ca: null,
    });
  });

  test('use prints a notice if an environment variable overrides the current context', async () => {
    await session('context set a --url URL');
    const env = { REDIS_URL: 'redis://x' };
    expect(await session('context use a', { env })).toBe(
      'a is current\n! REDIS_URL is set and takes precedence over the current context\n',
    );
  });

  test.each<[argv: string, said: string]>([
    ['', "missing required argument 'action'\n! hint: devstate context --help"],
    ['rename', 'unknown action "rename"\n! hint: one of list, use, show, set, remove'],
    ['constructor', 'unknown action "constructor"\n! hint: one of list, use, show, set, remove'],
    ['use', 'a name is required\n! hint: devstate context use NAME'],
    ['set', 'a name is required\n! hint: devstate context set NAME'],
    ['list prod', 'list takes no name\n! hint: devstate context show NAME'],
    ['use prod --protected', '--protected and --unset require context set'],
    ['use nope', 'no context "nope"; there are prod\n! hint: devstate context set NAME --url URL'],
    ['show nope', 'no context "nope"; there are prod\n! hint: devstate context set NAME --url URL'],
    ['remove nope', 'no context "nope"; there are prod\n! hint: devstate context set NAME --url URL'],
    ['set new', 'a new context needs a URL\n! hint: devstate context set NAME --url URL'],
    ['set prod --unset ca --unset url', '--unset: no field "url"\n! hint: one of namespace, dialect,'],
    [`set prod --url http://:${SECRET}@h`, 'unknown URL scheme http:\n! hint: forms:'],
    ['set prod --url redis://h', '--ca, --cert, --key and --insecure are for TLS'],
    ['set prod -n a:', 'a namespace must not contain white space'],
    ['set prod -n device:a', 'a namespace must not have the segment "device"'],
    [
      'set a/b --url redis://h',
      '"a/b" is not a valid context name\n! hint: a name is 1 to 64 letters, digits',
    ],
    ['list --fields nope', 'no field "nope"; there are name, current, url'],
  ])('refuses: context %s', async (argv, said) => {
    await session(`context ${PROD}`);
    const before = readFileSync(file, 'utf8');
    const run = await session(`context ${argv}`.trim());
    expect(run).toContain(`! devstate: ${said}`);
    expect(run).toMatch(/exit 2\n$/);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('the file', () => {
  test('keeps what another process wrote after it took over the lock', async () => {
    const warn = () => {};
    let calls = 0;
    await changeContexts(
      file,
      ({ contexts }) => {
        contexts.set('own', { url: 'redis://own' });
        if (++calls > 1) return;
        rmSync(`${file}.lock`);
        written('[contexts.other]\nurl = "redis://other"\n');
      },
      warn,
    );
    expect([...(await readContexts(file, warn)).contexts.keys()]).toEqual(['other', 'own']);
    expect(readdirSync(dirname(file))).toEqual(['config.toml']);
  });

  test('is in the configuration folder of the platform, or at DEVSTATE_CONFIG', async () => {
    const { XDG_CONFIG_HOME } = process.env;
    process.env.XDG_CONFIG_HOME = folder;
    onTestFinished(() => {
      if (XDG_CONFIG_HOME === undefined) delete process.env.XDG_CONFIG_HOME;
      else process.env.XDG_CONFIG_HOME = XDG_CONFIG_HOME;
    });
    expect(await contextsPath({})).toMatch(/devstate\/config\.toml$/);
    if (process.platform === 'linux')
      expect(await contextsPath({})).toBe(join(folder, 'devstate/config.toml'));
    expect(await contextsPath({ DEVSTATE_CONFIG: file })).toBe(file);
  });

  test('is readable by its owner only, and is replaced in one step', async () => {
    await session(`context ${PROD}`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    chmodSync(file, 0o644);
    expect(await session('context set prod -n b')).toBe(
      `prod set\n! FOLDER/config/config.toml contains a password and other users can read it: run chmod 600 on it\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(file))).toEqual(['config.toml']);
  });

  test('remains a symbolic link if it is one', async () => {
    const link = file;
    file = join(folder, 'real.toml');
    written('');
    mkdirSync(dirname(link));
    symlinkSync(file, link);
    file = link;
    await session('context set a --url redis://h');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'real.toml'), 'utf8')).toContain('redis://h');
  });

  test('is reported if it cannot be written', async () => {
    writeFileSync(join(folder, 'config'), 'a file instead of a folder');
    expect(await session('context set a --url redis://h')).toMatch(
      /^! devstate: cannot (read|write) FOLDER\/config\/config\.toml: .*\nexit 2\n$/,
    );
  });

  test('with a password that other users can read: one warning', async () => {
    written(`current = "a"\n[contexts.a]\nurl = "URL"\n`, 0o644);
    expect(await session('list -q')).toBe('');
    expect(await session('list')).toBe('! no devices\n');
    written(`current = "a"\n[contexts.a]\nurl = "URL"\n[contexts.b]\nurl = "redis://:${SECRET}@h"\n`, 0o640);
    expect(await session('list')).toBe(
      '! FOLDER/config/config.toml contains a password and other users can read it: run chmod 600 on it\n! no devices\n',
    );
    expect(await session('list -q')).toBe('');
  });

  test.each<[content: string, said: string]>([
    [`[contexts.a]\nurl = "URL"\npassword ${SECRET}`, ', line 3: illegal character in key'],
    [`[contexts.a]\nurl = redis://:${SECRET}@h\n`, ', line 2: invalid value'],
    [`[contexts.a]\nurl = "redis://:${SECRET}@h\nnamespace = "x"`, ', line 2: '],
    [
      `[contexts.a]\nurl = "URL"\nreadonly = true`,
      ': context "a": unknown field "readonly"; known: url, namespace,',
    ],
    [`[contexts.a]\nurl = "URL"\nreadOnly = "${SECRET}"`, ': context "a": readOnly must be a boolean'],
    [`[contexts.a]\nurl = "URL"\ndialect = "${SECRET}"`, ': context "a": dialect must be node or python'],
    [`[contexts.a]\nnamespace = "x"`, ': context "a" has no url'],
    [`[contexts.a]\nurl = 5`, ': context "a": url must be a string'],
    [`contexts = 5`, ': contexts must be tables: [contexts.NAME]'],
    [`[contexts]\na = "redis://:${SECRET}@h"`, ': context "a" is not a table'],
    [`[context.a]\nurl = "URL"`, ': unknown key "context"; known: current and [contexts.NAME]'],
    [`current = ["${SECRET}"]`, ': current must be the name of a context'],
    [`[contexts."a\\u001b[2J"]\nurl = "URL"`, '"a\\u001b[2J" is not a valid context name'],
  ])('is refused if it is not valid: %j', async (content, said) => {
    written(content);
    for (const argv of [
      'list -vv',
      'list --context a -vv',
      'context list -vv',
      'context set a --url redis://h -vv',
    ]) {
      const run = await session(argv);
      expect(run).toContain(said);
      expect(run).toMatch(/^! devstate: .*\n(! .*\n)*exit 2\n$/);
    }
  });

  test('is not read if an option or a variable names a server', async () => {
    written('broken');
    expect(await session('list -q --url URL')).toBe('');
    for (const name of ['DEVSTATE_URL', 'REDIS_URL'])
      expect(await session('list -q', { env: { [name]: redis.url } })).toBe('');
    expect(await session('list -q', { env: { DEVSTATE_URL: redis.url, REDIS_URL: '' } })).toBe('');
    expect(await session('list -q --context a', { env: { DEVSTATE_URL: redis.url } })).toMatch(
      /line 1.*\nexit 2/,
    );
  });
});

describe('which server', () => {
  /** Each database is named by how it was come by. */
  const at = (db: number) => `unix://${new URL(redis.url).pathname}?db=${db}`;
  const contexts = () =>
    `current = "two"\n[contexts.one]\nurl = "${at(1)}"\n[contexts.two]\nurl = "${at(2)}"\n`;

  test.each<[options: string, env: string[], db: number]>([
    ['--url 3', [], 3],
    ['--url 3 --context one', ['DEVSTATE_URL', 'REDIS_URL'], 3],
    ['--context one', ['DEVSTATE_URL', 'REDIS_URL'], 1],
    ['--context one', [], 1],
    ['', ['DEVSTATE_URL', 'REDIS_URL'], 4],
    ['', ['REDIS_URL'], 5],
    ['', [], 2],
  ])('%s %j', async (options, names, db) => {
    written(contexts());
    const values: Record<string, string> = { DEVSTATE_URL: at(4), REDIS_URL: at(5) };
    const env = Object.fromEntries(names.map((name) => [name, values[name]]));
    const argv = `register d1 --type t ${options}`.trim().replace('--url 3', `--url ${at(3)}`);
    expect(await session(argv, { env })).toBe('d1 registered\n');
    const client = await redis.client({ db });
    expect(await client.exists('device:state:d1')).toBe(1);
  });

  test('an unknown context is refused', async () => {
    written(contexts());
    expect(await session('list --context three -q')).toBe(
      '! devstate: no context "three"; there are one, two\nexit 2\n',
    );
    written('current = "three"');
    expect(await session('list -q')).toBe('! devstate: no context "three"\nexit 2\n');
  });

  test('the namespace and dialect of the context are used unless an option gives others', async () => {
    written(`[contexts.a]\nurl = "URL"\nnamespace = "acme"\ndialect = "python"\n`);
    await session('register d1 --type t --context a');
    await session('register d2 --type t --context a -n other --dialect node');
    const client = await redis.client();
    expect(await client.hexists('acme:device:state:d1', 'device_id')).toBe(1);
    expect(await client.hexists('other:device:state:d2', 'deviceId')).toBe(1);
  });

  test('-v prints the server and the context', async () => {
    written(`[contexts.a]\nurl = "URL"\n`);
    expect(await session('list -v --context a')).toBe('! connected to URL (context a)\n! no devices\n');
  });

  test('the certificates of the context are used unless an option gives others', async () => {
    written(`[contexts.a]\nurl = "rediss://h"\nca = "/no/ca"\ninsecure = false`);
    expect(await session('list --context a')).toBe('! devstate: --ca "/no/ca": no such file\nexit 2\n');
    expect(await session('list --context a --ca /no/other')).toBe(
      '! devstate: --ca "/no/other": no such file\nexit 2\n',
    );
  });

  test('demo runs on the server of --context', async () => {
    written(`[contexts.a]\nurl = "redis://127.0.0.1:1"\n`);
    expect(await session('demo --context a -q')).toBe(
      '! devstate: cannot reach redis://127.0.0.1:1: connection refused\nexit 5\n',
    );
  });
});
