/**
 * `devstate acl ROLE` prints an ACL line. As a user made with that line, each command of the role works; Redis
 * refuses every other command, the error names the missing permission, and nothing is written.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { commands } from '../../../src/commands/index.js';
import { aclOf, ROLES, type Role } from '../../../src/core/admin/acl-roles.js';
import { type DeclareOptions, declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';
import { cli } from '../../support/cli.js';
import {
  cut,
  ODD_IDS,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  snapshot,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const ID = 'gw:1';

/** Each command line, and the roles that may run it. */
const COMMAND_LINES: [argv: string, ...roles: Role[]][] = [
  [`get ${ID}`, 'viewer', 'operator', 'detector', 'device'],
  [`get ${ID} ${ID} lapsed`, 'viewer', 'operator', 'detector'],
  [`get ${ID} --at 1ms`, 'viewer', 'operator'],
  ['list --with-state', 'viewer', 'operator', 'detector'],
  ['list --status online --type t', 'viewer', 'operator'],
  ['list --sort id', 'viewer', 'operator', 'detector'],
  ['list-online', 'viewer', 'operator', 'detector'],
  ['stale --older-than 1ms', 'viewer', 'operator'],
  [`delta ${ID}`, 'viewer', 'operator', 'detector', 'device'],
  [`history ${ID} --diff`, 'viewer', 'operator'],
  ['watch-presence --since 1h --for 1ms', 'viewer', 'operator'],
  [`heartbeat ${ID}`, 'operator', 'device'],
  [`heartbeat ${ID} --report a=2`, 'operator', 'device'],
  [`heartbeat ${ID} --merge --report a=2`, 'operator', 'device'],
  [`heartbeat ${ID} --ttl 5h`, 'operator', 'device'],
  [`heartbeat ${ID} --every 1ms --count 2`, 'operator', 'device'],
  ['heartbeat lapsed', 'operator'],
  ['heartbeat new --register --type t', 'operator'],
  ['register new --type t --ttl 5h', 'operator'],
  [`register ${ID} --type other --meta a=1`, 'operator'],
  [`set-desired ${ID} a=1`, 'operator'],
  [`disconnect ${ID}`, 'operator', 'device'],
  ['disconnect lapsed', 'operator'],
  [`unregister ${ID} --yes`, 'operator'],
  ['init', 'operator'],
  ['init --writers exclusive', 'operator'],
  ['init --writers shared', 'operator'],
  ['detect --once', 'detector'],
  ['demo --url URL'],
];
/** Command lines that read the index of an exclusive fleet; in a shared fleet they read every record instead. */
const INDEX_COMMAND_LINES: [argv: string, ...roles: Role[]][] = [
  ['list --sort last-seen', 'viewer', 'operator'],
  ['list-online --sort expires', 'viewer', 'detector', 'operator'],
  ['stale --older-than 1ms', 'viewer', 'operator'],
  ['stats', 'viewer', 'detector', 'operator'],
  ['stats --by type', 'viewer', 'operator'],
];
/** A refusal must name the command, key or channel that is missing; the role device may refuse it before Redis does. */
const REFUSAL =
  /: permission refused: this user may not (send [A-Z ]+|send [A-Z]+, as \w+ does|access \S+)\n$/;
const REFUSED_BEFORE = /^devstate: \w+ refused: not with the role device\n$/;
/** Commands without a line above: they send nothing to Redis, or are tested below because they run until stopped. */
const UNTESTED = ['acl', 'completion', 'context', 'detect'];

test('every command is in the table or listed as untested', () => {
  const tested = [...COMMAND_LINES, ...INDEX_COMMAND_LINES].map(([argv]) => argv.split(' ', 1)[0]);
  expect([...new Set([...tested, ...UNTESTED])].sort()).toEqual(commands.map(({ name }) => name).sort());
});

describe.each<[what: string, namespace: string, layout: DeclareOptions | 'undeclared']>([
  ['a declared fleet', '', {}],
  ['an undeclared fleet in a namespace', 'a*[b]', 'undeclared'],
  ['a fleet with 16 partitions', 'acme', { partitions: 16 }],
  ['an exclusive fleet with partitions', '', { partitions: 3, writers: 'exclusive' }],
])('%s', (_what, namespace, layout) => {
  let fleet: SingleFleet;
  /** With the role device: the options that `acl` says the device needs. */
  let deviceOptions: string | undefined;

  beforeEach(async () => {
    fleet = await openFleet(redis, { namespace });
    if (layout !== 'undeclared') await declareFleet(fleet, layout);
    for (const id of [ID, 'lapsed']) {
      await register(fleet, id, 't');
      await heartbeat(fleet, { id, reportedJson: '{"a":1}' });
      await setDesired(fleet, id, { a: true });
    }
    await cut(await fleet.partitionFor('lapsed'), 'lapsed');
  });

  /** Creates a user with the printed ACL line of the role. Returns the URL that logs in as that user. */
  async function createUser(role: Role): Promise<string> {
    const at = namespace === '' ? [] : ['-n', namespace];
    const server = role === 'device' ? redis.url : 'redis://127.0.0.1:1'; // the others connect to none
    const { exit, stdout, stderr } = await cli(server).run(['acl', role, '--user', ID, ...at]);
    expect({ exit, stderr }).toMatchObject({ exit: 0, stderr: expect.stringMatching(/^hint: .*>PASSWORD/) });
    deviceOptions = /runs devstate with (.*)$/m.exec(stderr)?.[1];
    const [acl, ...words] = stdout.trim().split(' ').map(unquote);
    await fleet.redis.call(String(acl), ...words, '>pw');
    return redis.url.replace('//', `//${encodeURIComponent(ID)}:pw@`);
  }

  async function run(role: Role, argv: string) {
    const url = await createUser(role);
    const at = namespace === '' ? '' : ` -n ${namespace}`;
    const options = deviceOptions === undefined ? at : ` ${deviceOptions.replaceAll("'", '')}`;
    return cli(url).run(`${argv.replace('URL', url)}${options} -q`);
  }

  const lines =
    layout !== 'undeclared' && layout.writers === 'exclusive'
      ? [...COMMAND_LINES, ...INDEX_COMMAND_LINES]
      : COMMAND_LINES;
  describe.each(ROLES)('%s', (role) => {
    test.each(lines.filter(([, ...roles]) => roles.includes(role)))('%s', async (argv) => {
      await fleet.redis.call('ACL', 'LOG', 'RESET');
      const { exit, stderr } = await run(role, argv);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(await fleet.redis.call('ACL', 'LOG')).toEqual([]);
    });

    test.each(lines.filter(([, ...roles]) => !roles.includes(role)))('%s: refused', async (argv) => {
      const before = await snapshot(fleet.redis);
      const { exit, stderr } = await run(role, argv);
      const isRefusedBefore = role === 'device' && exit === 2;
      const isOwnDeviceRead = role === 'device' && argv === `get ${ID} ${ID} lapsed`;
      expect({ exit, stderr }).toEqual({
        exit: isRefusedBefore ? 2 : isOwnDeviceRead ? 7 : 5,
        stderr: expect.stringMatching(isRefusedBefore ? REFUSED_BEFORE : REFUSAL),
      });
      expect(await snapshot(fleet.redis)).toEqual(before);
    });
  });
});

/** Decodes one word of an ACL line as redis-cli does: quotes and `\\x` escapes become bytes. */
function unquote(word: string): Buffer {
  const text = word.startsWith('"')
    ? word
        .slice(1, -1)
        .replace(/\\(?:x(..)|(.))/g, (_, hex, character) =>
          hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
        )
    : word;
  return Buffer.from(text, 'latin1');
}

test.each([...ODD_IDS, 'q"\\*', '[a]?', "it's", 'a\u00a0b'])(
  'the device role works for the id %s, and for no other id',
  async (id) => {
    const namespace = 'ä"[b]*';
    const fleet = await openFleet(redis, { namespace });
    await declareFleet(fleet, { partitions: 2 });
    for (const deviceId of [id, 'other']) await register(fleet, deviceId, 't');
    const at = ['-n', namespace];
    const { stdout } = await cli(redis).run(['acl', 'device', '--user', 'odd', '--id', id, '-q', ...at]);
    const login = [...at, '--role', 'device', '--fleet-partitions', '2'];
    const [acl, ...words] = stdout.trim().split(' ').map(unquote);
    await fleet.redis.call(String(acl), ...words, '>pw');
    const devstate = cli(redis.url.replace('//', '//odd:pw@'));
    expect(await devstate.run(['heartbeat', ...login, '--', id])).toMatchObject({ exit: 0, stderr: '' });
    expect(await devstate.run(['heartbeat', ...login, 'other'])).toMatchObject({ exit: 5 });
  },
);

test.each<[rules: string[], reason: string]>([
  [['-xadd'], 'this user may not send XADD, as disconnect does'],
  [['-pttl'], 'this user may not send PTTL, as disconnect does'],
  [['resetchannels', '&device:*'], 'this user may not publish to devices:presence'],
  [
    ['resetkeys', '~device:*', '~devices:[^p]*', '~devices:presence:*'],
    'this user may not access devices:pulse',
  ],
])('with the rules %j the error names what the script lacks', async (rules, reason) => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet);
  await register(fleet, ID, 't');
  await heartbeat(fleet, { id: ID });
  await fleet.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
  const { exit, stderr } = await cli(redis.url.replace('//', '//app:pw@')).run(`disconnect ${ID}`);
  expect([exit, stderr]).toEqual([5, expect.stringContaining(`: permission refused: ${reason}\n`)]);
});

describe('channels that a role may subscribe to', () => {
  const connectAs = async (role: Role) => {
    const { line } = aclOf(role, { ids: [ID], namespace: 'acme' });
    await (await redis.client()).call(...(line.split(' ') as [string]), '>pw');
    return redis.client({
      username: role,
      password: 'pw',
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
  };

  test.each<[role: Role, presence: boolean, own: boolean, others: boolean]>([
    ['viewer', true, false, false],
    ['operator', true, true, true],
    ['device', false, true, false],
    ['detector', true, false, false],
  ])('%s', async (role, presence, own, others) => {
    const client = await connectAs(role);
    const isRefused = async (channel: string) => {
      const { message } = await client.subscribe(channel).then(
        () => ({ message: '' }),
        (error: Error) => error,
      );
      return /^NOPERM .*\bchannels?\b/.test(message);
    };
    expect(await isRefused('acme:devices:presence')).toBe(!presence);
    expect(await isRefused(`acme:device:${ID}:commands`)).toBe(!own);
    expect(await isRefused('acme:device:other:commands')).toBe(!others);
    expect(await isRefused('devices:presence')).toBe(true);
  });
});

describe('a user with the detector role', () => {
  test.each([
    ['deadline', []],
    ['poll', []],
    [
      'keyspace',
      [
        'keyspace events are not available (permission refused: this user may not send CONFIG GET); using deadlines only',
      ],
    ],
  ])('finds expired devices with the %s strategy', async (strategy, notices) => {
    const admin = await openFleet(redis, { namespace: 'acme' });
    await declareFleet(admin, { partitions: 4 });
    await register(admin, ID, 't');
    await heartbeat(admin, { id: ID, ttl: 20 });
    const { line } = aclOf('detector', { namespace: 'acme' });
    await admin.redis.call(...(line.split(' ') as [string]), '>pw');
    const devstate = cli(redis.url.replace('//', '//detector:pw@'));
    const running = devstate.start(`detect --strategy ${strategy} -n acme -o ndjson`);
    await running.lines('stdout', 1);
    const { stdout, stderr } = await running.stop();
    expect(JSON.parse(stdout)).toMatchObject({ deviceId: ID, status: 'offline', reason: 'timeout' });
    expect(stderr.split('\n').filter((line) => line.includes('not available'))).toEqual(notices);
  });
});

test('a user with the detector role corrects deadlines with `detect --once` after the clock was set back', async () => {
  const ahead = await openFleet(redis, { clock: () => Date.now() + 3_600_000 });
  await register(ahead, ID, 't');
  await heartbeat(ahead, { id: ID });
  await ahead.redis.call(...(aclOf('detector').line.split(' ') as [string]), '>pw');
  const devstate = cli(redis.url.replace('//', '//detector:pw@'));
  expect(await devstate.run('detect --once -q')).toMatchObject({ exit: 0, stderr: '' });
  expect(await scoreOf(ahead, ID)).toBeLessThanOrEqual((await serverNow(ahead.redis)) + 60_000);
});

test('a user with the detector role and the rules in the README receives keyspace events', async () => {
  const admin = await openFleet(redis);
  await declareFleet(admin);
  await register(admin, ID, 't');
  const readmeRules = ['+config|get', '+config|set', '&__keyevent@0__:expired', '>pw'];
  await admin.redis.call(...(aclOf('detector').line.split(' ') as [string]), ...readmeRules);
  const running = cli(redis.url.replace('//', '//detector:pw@')).start(
    'detect --strategy keyspace -o ndjson',
  );
  await running.says('stderr', 'detecting (keyspace');
  await heartbeat(admin, { id: ID, ttl: 20 });
  await running.lines('stdout', 1);
  const { exit, stderr } = await running.stop();
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('not available')]);
});

describe('acl device', () => {
  const acl = (...argv: string[]) => cli(redis).run(['acl', 'device', ...argv]);

  test.each(['a b', ' a', '-', ''])('the id %j gets no line', async (id) => {
    expect(await acl('--id', 'sensor-1', `--id=${id}`)).toMatchObject({ exit: 2, stdout: '' });
  });

  test('the options override what the fleet declares, and with all of them nothing is asked', async () => {
    await declareFleet(await openFleet(redis), { partitions: 4 });
    const read = JSON.parse((await acl('--id', 'a', '--json')).stdout);
    expect(read.device).toEqual({
      namespace: null,
      partitions: 4,
      dialect: 'node',
      historyCap: 20,
      commandLine: '--role device --fleet-partitions 4 --dialect node --fleet-history 20',
      declared: false,
    });
    const argv = 'acl device --id a --partitions 1 --history 0 --dialect python -n x --json';
    const { stdout } = await cli('redis://127.0.0.1:1').run(argv);
    expect(JSON.parse(stdout)).toMatchObject({
      keys: ['x:device:fence:a', 'x:device:heartbeat:a', 'x:device:history:reported:a', 'x:device:state:a'],
      channels: ['x:device:a:commands'],
      device: { namespace: 'x', partitions: 1, dialect: 'python', historyCap: 0 },
    });
  });

  test.each<[topology: string, commands: string[]]>([
    ['redis://127.0.0.1:1', []],
    ['redis://127.0.0.1:1/3', ['select']],
    ['redis-sentinel://127.0.0.1:1#m', ['hello']],
    ['redis-cluster://127.0.0.1:1', ['asking', 'cluster|slots']],
  ])('the commands for %s', async (url, further) => {
    const argv = 'acl device --id a --partitions 64 --history 0 --dialect node --json';
    const { commands } = JSON.parse((await cli(url).run(argv)).stdout);
    const common =
      'ping time watch unwatch multi exec set hmget hget hset pttl exists rpush ltrim subscribe unsubscribe';
    expect(commands).toEqual([...common.split(' '), ...further].sort());
  });

  test('two ids of a gateway have exactly their own partitions', async () => {
    const { keys } = aclOf('device', { ids: ['a', 'b*'], partitions: 64 });
    expect(keys).toEqual(
      ['a', 'b*']
        .flatMap((id) =>
          ['fence', 'heartbeat', 'history:reported', 'state'].map(
            (kind) => `{${partitionNumber(id, 64)}}:device:${kind}:${id.replace('*', '\\*')}`,
          ),
        )
        .sort(),
    );
  });

  test('a saved context holds the role and its options', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'devstate-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const env = { DEVSTATE_CONFIG: join(folder, 'config.toml') };
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { partitions: 8, deviceLogins: true });
    await register(fleet, ID, 't');
    const { line, device } = JSON.parse((await acl('--user', 'gw', '--id', ID, '--json')).stdout);
    await fleet.redis.call(...(line.split(' ') as [string]), '>pw');
    const url = redis.url.replace('//', '//gw:pw@');
    const devstate = cli(url);
    const saved = await devstate.run(`context set gw --url ${url} ${device.commandLine}`, { env });
    expect(saved).toMatchObject({ exit: 0 });
    const shown = await devstate.run('context show gw --json', { env });
    expect(JSON.parse(shown.stdout)).toMatchObject({
      role: 'device',
      partitions: 8,
      historyCap: 20,
      dialect: 'node',
    });
    const beat = await devstate.run(`heartbeat ${ID} --context gw --report a=1`, { env });
    expect(beat).toMatchObject({ exit: 0, stderr: '' });
    expect(await devstate.run('context set gw --unset role', { env })).toMatchObject({ exit: 2 });
  });

  test.each(['--fleet-partitions 2', '--fleet-history 2'])(
    '%s without the role is refused',
    async (option) => {
      expect(await cli(redis).run(`get ${ID} ${option}`)).toMatchObject({
        exit: 2,
        stderr: expect.stringContaining('require --role device'),
      });
    },
  );

  test.each(['viewer', 'operator'])('--partitions is refused for %s', async (role) => {
    expect(await cli(redis).run(`acl ${role} --partitions 2`)).toMatchObject({ exit: 2 });
  });
});

test('every command in the sources is granted to a role, with three exceptions', async () => {
  const known = new Set((await (await redis.client()).call('COMMAND', 'LIST')) as string[]);
  const sources = readdirSync('src/core', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const sent = sources.flatMap((name) => {
    const source = readFileSync(`src/core/${name}`, 'utf8');
    return [...source.matchAll(/\bredis\s*\.([a-z]+)\(|\[\s*'([a-z]+)',/g)].map(
      ([, method, first]) => method ?? first,
    );
  });
  const granted = ROLES.flatMap((role) => aclOf(role).commands).map((name) => name.split('|', 1)[0]);
  expect(sent.length).toBeGreaterThan(20);
  const ungranted = new Set(sent.filter((name) => known.has(name as string) && !granted.includes(name)));
  expect([...ungranted].sort()).toEqual(['config', 'scan', 'unlink']); // for keyspace events, and to erase the demo's namespace
});
