/**
 * `devstate acl ROLE`: as the user that its line makes, each command of the role works; every other is refused
 * by Redis, with what is missing, and nothing is written.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../../../src/commands/index.js';
import { aclOf, ROLES, type Role } from '../../../src/core/admin/acl-roles.js';
import { type DeclareOptions, declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { cli } from '../../support/cli.js';
import { cut, ODD_IDS, openFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const ID = 'gw:1';

/** Each command line, and the roles that it is for. */
const LINES: [argv: string, ...roles: Role[]][] = [
  [`get ${ID}`, 'viewer', 'operator', 'detector'],
  [`get ${ID} ${ID} lapsed`, 'viewer', 'operator', 'detector'],
  [`get ${ID} --at 1ms`, 'viewer', 'operator'],
  ['list --with-state', 'viewer', 'operator', 'detector'],
  ['list --status online --type t', 'viewer', 'operator'],
  ['list --sort id', 'viewer', 'operator', 'detector'],
  ['list-online', 'viewer', 'operator', 'detector'],
  ['stale --older-than 1ms', 'viewer', 'operator'],
  [`delta ${ID}`, 'viewer', 'operator', 'detector'],
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
  [`disconnect ${ID}`, 'operator'],
  ['disconnect lapsed', 'operator'],
  [`unregister ${ID} --yes`, 'operator'],
  ['init', 'operator'],
  ['init --writers exclusive', 'operator'],
  ['init --writers shared', 'operator'],
  ['detect --once', 'detector'],
  ['demo --url URL'],
];
/** In the index of an exclusive fleet only; else every record is looked at, as by other lists. */
const BY_INDEX: [argv: string, ...roles: Role[]][] = [
  ['list --sort last-seen', 'viewer', 'operator'],
  ['list-online --sort expires', 'viewer', 'operator'],
  ['stale --older-than 1ms', 'viewer', 'operator'],
  ['stats', 'viewer', 'operator'],
  ['stats --by type', 'viewer', 'operator'],
];
/** A refusal names the command, key or channel. */
const NAMED =
  /: permission refused: (this user has no permissions to (run the '[\w|]+' command|access one of the (key|channel)s used as arguments: \S+)|this user may not send [A-Z]+, as \w+ does)\n$/;
/** They run until they are told to end, or ask no server. */
const OTHERS = ['acl', 'completion', 'context', 'detect'];

test('no command is left out', () => {
  const tried = [...LINES, ...BY_INDEX].map(([argv]) => argv.split(' ', 1)[0]);
  expect([...new Set([...tried, ...OTHERS])].sort()).toEqual(commands.map(({ name }) => name).sort());
});

describe.each<[what: string, namespace: string, layout: DeclareOptions | 'undeclared']>([
  ['a fleet', '', {}],
  ['a fleet in a namespace that declares nothing', 'a*[b]', 'undeclared'],
  ['a fleet in 16 partitions', 'acme', { partitions: 16 }],
  ['an exclusive fleet in partitions', '', { partitions: 3, writers: 'exclusive' }],
])('%s', (_what, namespace, layout) => {
  let fleet: Fleet;

  beforeEach(async () => {
    fleet = await openFleet(redis, { namespace });
    if (layout !== 'undeclared') await declareFleet(fleet, layout);
    for (const id of [ID, 'lapsed']) {
      await register(fleet, id, 't');
      await heartbeat(fleet, { id, reportedJson: '{"a":1}' });
      await setDesired(fleet, id, { a: true });
    }
    await cut(await fleet.of('lapsed'), 'lapsed');
  });

  /** The URL of a user made by the line that was printed for the role. */
  async function userOf(role: Role): Promise<string> {
    const at = namespace === '' ? [] : ['-n', namespace];
    const { exit, stdout, stderr } = await cli('redis://127.0.0.1:1').run(['acl', role, '--user', ID, ...at]);
    expect({ exit, stderr }).toMatchObject({ exit: 0, stderr: expect.stringMatching(/^hint: .*>PASSWORD/) });
    const [acl, ...words] = stdout.trim().split(' ').map(unquoted);
    await fleet.redis.call(String(acl), ...words, '>pw');
    return redis.url.replace('//', `//${encodeURIComponent(ID)}:pw@`);
  }

  async function run(role: Role, argv: string) {
    const url = await userOf(role);
    const at = namespace === '' ? '' : ` -n ${namespace}`;
    const told = role === 'device' ? ' --dialect node' : ''; // for it sees no other record
    return cli(url).run(`${argv.replace('URL', url)}${at}${told} -q`);
  }

  const lines = layout !== 'undeclared' && layout.writers === 'exclusive' ? [...LINES, ...BY_INDEX] : LINES;
  describe.each(ROLES)('%s', (role) => {
    test.each(lines.filter(([, ...roles]) => roles.includes(role)))('%s', async (argv) => {
      await fleet.redis.call('ACL', 'LOG', 'RESET');
      const { exit, stderr } = await run(role, argv);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      const denied = (await fleet.redis.call('ACL', 'LOG')) as string[][];
      const asksForDialect = role === 'device' && layout === 'undeclared';
      const tried = denied.map((entry) => entry[entry.indexOf('object') + 1]);
      expect(tried).toEqual(asksForDialect ? ['srandmember'] : []);
    });

    test.each(lines.filter(([, ...roles]) => !roles.includes(role)))('%s: refused', async (argv) => {
      const before = await snapshot(fleet.redis);
      const { exit, stderr } = await run(role, argv);
      expect({ exit, stderr }).toEqual({ exit: 5, stderr: expect.stringMatching(NAMED) });
      expect(await snapshot(fleet.redis)).toEqual(before);
    });
  });
});

/** As redis-cli reads a word of a line. */
function unquoted(word: string): Buffer {
  const text = word.startsWith('"')
    ? word
        .slice(1, -1)
        .replace(/\\(?:x(..)|(.))/g, (_, hex, character) =>
          hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
        )
    : word;
  return Buffer.from(text, 'latin1');
}

test.each([...ODD_IDS, 'a b', 'q"\\*', '[a]?', "it's"])('a device of any name: %s', async (id) => {
  const namespace = 'ä"[b]*';
  const fleet = await openFleet(redis, { namespace });
  await declareFleet(fleet, { partitions: 2 });
  for (const each of [id, 'other']) await register(fleet, each, 't');
  const at = ['-n', namespace];
  const { stdout } = await cli(redis).run(['acl', 'device', '--user', 'odd', '--id', id, '-q', ...at]);
  const [acl, ...words] = stdout.trim().split(' ').map(unquoted);
  await fleet.redis.call(String(acl), ...words, '>pw');
  const devstate = cli(redis.url.replace('//', '//odd:pw@'));
  expect(await devstate.run(['heartbeat', ...at, '--', id])).toMatchObject({ exit: 0, stderr: '' });
  expect(await devstate.run(['heartbeat', ...at, 'other'])).toMatchObject({ exit: 5 });
});

test.each<[rules: string[], said: string]>([
  [['-xadd'], 'this user may not send XADD, as disconnect does'],
  [['-pttl'], 'this user may not send PTTL, as disconnect does'],
  [['resetchannels', '&device:*'], 'this user may not publish to devices:presence'],
  [
    ['resetkeys', '~device:*', '~devices:[^p]*', '~devices:presence:*'],
    'this user has no permissions to access one of the keys used as arguments: devices:pulse',
  ],
])('what a script lacks is named: %j', async (rules, said) => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet);
  await register(fleet, ID, 't');
  await heartbeat(fleet, { id: ID });
  await fleet.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
  const { exit, stderr } = await cli(redis.url.replace('//', '//app:pw@')).run(`disconnect ${ID}`);
  expect([exit, stderr]).toEqual([5, expect.stringContaining(`: permission refused: ${said}\n`)]);
});

describe('a role hears', () => {
  const hearer = async (role: Role) => {
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
    ['device', true, true, false],
    ['detector', true, false, false],
  ])('%s', async (role, presence, own, others) => {
    const ear = await hearer(role);
    const refused = async (channel: string) => {
      const { message } = await ear.subscribe(channel).then(
        () => ({ message: '' }),
        (error: Error) => error,
      );
      return /^NOPERM .* channels/.test(message);
    };
    expect(await refused('acme:devices:presence')).toBe(!presence);
    expect(await refused(`acme:device:${ID}:commands`)).toBe(!own);
    expect(await refused('acme:device:other:commands')).toBe(!others);
    expect(await refused('devices:presence')).toBe(true);
  });
});

describe('a detector’s user', () => {
  test.each([
    ['deadline', []],
    ['poll', []],
    [
      'keyspace',
      [
        "keyspace events cannot be had (permission refused: this user has no permissions to run the 'config|get' command); working by deadline alone",
      ],
    ],
  ])('finds who lapsed, by %s', async (strategy, notices) => {
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
    expect(stderr.split('\n').filter((line) => line.includes('cannot'))).toEqual(notices);
  });
});

test('with what the README adds, a detector’s user hears keyspace events', async () => {
  const admin = await openFleet(redis);
  await declareFleet(admin);
  await register(admin, ID, 't');
  const more = ['+config|get', '+config|set', '&__keyevent@0__:expired', '>pw'];
  await admin.redis.call(...(aclOf('detector').line.split(' ') as [string]), ...more);
  const running = cli(redis.url.replace('//', '//detector:pw@')).start(
    'detect --strategy keyspace -o ndjson',
  );
  await running.says('stderr', 'detecting (keyspace');
  await heartbeat(admin, { id: ID, ttl: 20 });
  await running.lines('stdout', 1);
  const { exit, stderr } = await running.stop();
  expect([exit, stderr]).toEqual([0, expect.not.stringContaining('cannot be had')]);
});

test('a device’s user on a fleet that declares nothing is told what is missing', async () => {
  const admin = await openFleet(redis);
  await register(admin, ID, 't');
  await admin.redis.call(...(aclOf('device', { user: ID }).line.split(' ') as [string]), '>pw');
  const devstate = cli(redis.url.replace('//', `//${encodeURIComponent(ID)}:pw@`));
  expect(await devstate.run(`heartbeat ${ID}`)).toMatchObject({
    exit: 5,
    stderr: expect.stringMatching(
      /'srandmember' command\nhint: declare what the fleet is with devstate init, or give its --dialect\n$/,
    ),
  });
  expect(await devstate.run(`heartbeat ${ID} --dialect node`)).toMatchObject({ exit: 0, stderr: '' });
});

test('what the sources send is an operator’s or the detector’s, but for a few', async () => {
  const known = new Set((await (await redis.client()).call('COMMAND', 'LIST')) as string[]);
  const sources = readdirSync('src/core').filter((name) => name.endsWith('.ts'));
  const sent = sources.flatMap((name) => {
    const source = readFileSync(`src/core/${name}`, 'utf8');
    return [...source.matchAll(/\bredis\s*\.([a-z]+)\(|\[\s*'([a-z]+)',/g)].map(
      ([, method, first]) => method ?? first,
    );
  });
  const granted = [...aclOf('operator').commands, ...aclOf('detector').commands].map(
    (name) => name.split('|', 1)[0],
  );
  const others = new Set(sent.filter((name) => known.has(name as string) && !granted.includes(name)));
  expect([...others].sort()).toEqual(['config', 'unlink']); // keyspace events, and the demo's tidying up
});
