/** Connecting: which server is used, and one error line, within the timeout and without a password, if it fails. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { register } from '../../src/core/registry/register.js';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { cli, type Result, text } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { listen, openFleet, pretendDetector, SingleFleet, snapshot } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const SECRET = 's3same';

/** Fails if the output of a run contains a password. */
function withoutSecret({ exit, stdout, stderr }: Result): { exit: number; stdout: string; stderr: string } {
  expect(stdout + stderr).not.toContain(SECRET);
  return { exit, stdout, stderr };
}

describe('a server that cannot be reached', () => {
  test.each<[url: string, argv: string, said: string]>([
    [
      'redis://127.0.0.1:1',
      'get d1',
      text`
        ! devstate: cannot reach redis://127.0.0.1:1: connection refused
        ! hint: start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none
        exit 5
      `,
    ],
    [
      'redis://bob:s3same@127.0.0.1:1/2',
      'list --json',
      text`
        ! {"error":{"code":"CONNECTION","message":"cannot reach redis://bob@127.0.0.1:1/2: connection refused","hint":"start redis-server, or name yours with --url or DEVSTATE_URL; \"devstate demo\" needs none"}}
        exit 5
      `,
    ],
    [
      'unix:///no/such.sock',
      'watch-presence -q',
      '! devstate: cannot reach unix:///no/such.sock: no such socket\nexit 5\n',
    ],
    [
      'redis://no-such-host.invalid',
      'stale -q',
      '! devstate: cannot reach redis://no-such-host.invalid:6379: no such host\nexit 5\n',
    ],
    [
      'redis://127.0.0.1:1',
      'heartbeat d1 --every 1s -q',
      '! devstate: cannot reach redis://127.0.0.1:1: connection refused\nexit 5\n',
    ],
    [
      'redis://127.0.0.1:1',
      'register -f - -q',
      '! devstate: cannot reach redis://127.0.0.1:1: connection refused\nexit 5\n',
    ],
    [
      'redis://127.0.0.1:1',
      'demo --url redis://127.0.0.1:1 -q',
      '! devstate: cannot reach redis://127.0.0.1:1: connection refused\nexit 5\n',
    ],
  ])('%s %s', async (url, argv, said) => {
    const session = await cli(url).session(argv);
    // Without a name server, resolving a name fails with another error.
    expect(session.replace('the host name cannot be resolved now', 'no such host')).toBe(said);
  });
});

describe('a port that accepts and never answers', () => {
  async function silentPort(): Promise<string> {
    return new URL((await useFakeServer()).url).host;
  }

  test.each([
    'get d1',
    'list',
    'watch-presence',
    'heartbeat d1 --every 1s --count 1',
    'register d1 --type t',
  ])('%s', async (argv) => {
    const port = await silentPort();
    for (const login of ['', ':s3same@']) {
      const started = performance.now();
      const run = await cli(`redis://${login}${port}/0`).run(`${argv} --request-timeout 200ms`);
      const { exit, stdout, stderr } = withoutSecret(run);
      expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(`^devstate: (cannot reach )?redis://${port}: timed out\nhint: .*\n$`),
      );
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });

  test('an interrupt while connecting ends the command at once', async () => {
    const running = cli(`redis://${await silentPort()}`).start('watch-presence --request-timeout 1h');
    setImmediate(() => running.stop());
    expect(await running.done).toMatchObject({ stdout: '' });
  });
});

describe('a server with a password', () => {
  let server: PrivateServer;
  beforeAll(async () => {
    server = await startServer({ args: ['--requirepass', SECRET], port: true });
    await as('').run('register d1 --type t', { env: { REDISCLI_AUTH: SECRET } });
  });
  afterAll(() => server.stop());
  const as = (login: string) => cli({ url: server.url.replace('//', `//${login}`) });
  const shown = (text: string) => text.replaceAll(server.url.slice('redis://'.length), 'HOST');

  test.each<[login: string, auth: string | undefined, said: string]>([
    ['', SECRET, 'd1\n'],
    [`:${SECRET}@`, undefined, 'd1\n'],
    [`default:${SECRET}@`, undefined, 'd1\n'],
    [`:${SECRET}@`, 'beside-the-point', 'd1\n'],
    [
      '',
      undefined,
      '! devstate: redis://HOST: the server asks for a password\n! hint: put it in REDISCLI_AUTH or in the URL of a context\nexit 5\n',
    ],
    [
      '',
      `not-${SECRET}`,
      '! devstate: cannot reach redis://HOST: wrong user name or password\n! hint: check REDISCLI_AUTH or the URL\nexit 5\n',
    ],
    [
      `:not-${SECRET}@`,
      undefined,
      '! devstate: cannot reach redis://HOST: wrong user name or password\n! hint: check REDISCLI_AUTH or the URL\nexit 5\n',
    ],
    [
      `nobody:${SECRET}@`,
      undefined,
      '! devstate: cannot reach redis://nobody@HOST: wrong user name or password\n! hint: check REDISCLI_AUTH or the URL\nexit 5\n',
    ],
  ])('login %j, REDISCLI_AUTH %j', async (login, auth, said) => {
    const env = { REDISCLI_AUTH: auth };
    expect(shown(await as(login).session('get d1 -o name', { env }))).toBe(said);
    for (const argv of [
      'get d1 -vv --json',
      'list -v',
      'watch-presence --for 1ms -vv',
      'heartbeat d1 --every 1ms --count 1 -v -v',
    ])
      expect(withoutSecret(await as(login).run(argv, { env })).exit).toBe(said.startsWith('d1') ? 0 : 5);
  });

  test('a password that is changed while a command runs', async () => {
    const running = as(`:${SECRET}@`).start('heartbeat d1 --every 5ms -o name');
    await running.lines('stdout', 2);
    const admin = new Redis(server.url, { password: SECRET });
    await admin.config('SET', 'requirepass', 'other');
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const result = await running.done;
    await admin.config('SET', 'requirepass', SECRET);
    admin.disconnect();
    expect(withoutSecret(result)).toMatchObject({
      exit: 5,
      // The second is due if the connection was lost before the answer to a heartbeat.
      stderr: expect.stringMatching(/wrong user name or password|it may have been done/),
    });
  });

  test.each<[rules: string[], argv: string, missing: string]>([
    [['+ping'], 'get d1', 'this user may not send HMGET'],
    [['+ping'], 'list', 'this user may not send HMGET'],
    [['+ping'], 'list-online', 'this user may not send HMGET'],
    [['+@read', '~*'], 'heartbeat d1', 'this user may not send EVALSHA'],
    [
      ['+@read', '+time', '~*', 'resetchannels'],
      'watch-presence --for 1ms',
      'this user may not send SUBSCRIBE',
    ],
    [['+@all', '~other:*', '&*'], 'get d1', 'this user may not access device'],
    [['+@all', '~*', 'resetchannels'], 'watch-presence --for 1ms', 'this user may not access '],
  ])('a user who may only %j: %s', async (rules, argv, missing) => {
    const admin = new Redis(server.url, { password: SECRET });
    onTestFinished(() => admin.disconnect());
    await admin.call('ACL', 'SETUSER', 'bob', 'reset', 'on', `>bob-${SECRET}`, ...rules);
    await pretendDetector(new SingleFleet(admin));
    const before = await snapshot(admin);
    const { exit, stdout, stderr } = withoutSecret(await as(`bob:bob-${SECRET}@`).run(argv));
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    const [line = '', hint = ''] = shown(stderr.replace('watching\n', '')).split('\n');
    expect(line).toMatch(/^devstate: redis:\/\/bob@HOST: permission refused: /);
    expect(line).toContain(missing);
    expect(hint).toBe('hint: ask for the permission, or name another user');
    expect(await snapshot(admin)).toEqual(before);
  });
});

describe('a database that does not exist', () => {
  test('is an error, and database 0 is not used instead', async () => {
    await devstate.run('register d1 --type t');
    expect(await cli({ url: `${redis.url}?db=3` }).session('list -q')).toBe('');
    const run = await cli({ url: `${redis.url}?db=99` }).run('register d2 --type t');
    expect(run).toMatchObject({ exit: 5, stdout: '' });
    expect(run.stderr).toMatch(
      /^devstate: cannot reach unix:.*\?db=99: .*DB index is out of range\nhint: check the URL\n$/,
    );
    expect(await devstate.session('list -o name')).toBe('d1\n');
  });
});

describe('which server', () => {
  test.each<[env: Record<string, string>, url: string | undefined, db: number]>([
    [{ DEVSTATE_URL: '1', REDIS_URL: '2' }, '3', 3],
    [{ DEVSTATE_URL: '1', REDIS_URL: '2' }, undefined, 1],
    [{ DEVSTATE_URL: '', REDIS_URL: '2' }, undefined, 2],
  ])('%j, --url %s', async (env, url, db) => {
    const at = (name: string) => (name === '' ? '' : `${redis.url}?db=${name}`);
    const urls = Object.fromEntries(Object.entries(env).map(([key, name]) => [key, at(name)]));
    await devstate.run(['register', 'd1', '--type', 't', ...(url ? ['--url', at(url)] : [])], { env: urls });
    const client = await redis.client({ db });
    expect(await client.exists('device:state:d1')).toBe(1);
  });

  test('without a URL, 127.0.0.1:6379', async () => {
    const { stderr } = await devstate.run('list -v --request-timeout 1s', { env: { DEVSTATE_URL: '' } });
    expect(stderr).toContain('redis://127.0.0.1:6379');
  });
});

describe('--namespace', () => {
  test('is the prefix of every key and channel', async () => {
    const client = await redis.client();
    const { heard, settled } = await listen(redis);
    await devstate.run('-n acme register d1 --type t --ttl 5m');
    await devstate.run('heartbeat d1 --namespace acme --report a=1');
    await devstate.run('set-desired d1 a=2 -n acme');
    await devstate.run('disconnect d1 -n acme');
    await settled();
    const keys = await client.keys('*');
    expect(keys.length).toBeGreaterThan(8);
    expect(keys.filter((key) => !key.startsWith('acme:device'))).toEqual([]);
    expect(heard.map(([channel]) => channel)).toEqual([
      'acme:devices:presence',
      'acme:device:d1:commands',
      'acme:devices:presence',
    ]);
    expect(await devstate.session('list -o name -q')).toBe('');
    expect(await devstate.session('list -o name -n acme')).toBe('d1\n');
    expect(await devstate.session('list -o name -n acme:sub -q')).toBe('');
    await devstate.run('unregister d1 --yes -n acme');
    expect((await client.keys('*')).filter((key) => key.includes('d1'))).toEqual([]);
  });

  test('watch-presence prints the events of its namespace only', async () => {
    const running = devstate.start('watch-presence -n acme --count 1 -o name');
    await running.says('stderr', 'watching');
    await devstate.run('heartbeat other --register --type t');
    await devstate.run('heartbeat own --register --type t -n acme');
    expect((await running.done).stdout).toBe('own\n');
  });
});

describe('--dialect', () => {
  test('sets the dialect of a new fleet', async () => {
    const client = await redis.client();
    await devstate.run('--dialect python register d1 --type t');
    await devstate.run('heartbeat d1 --report a=1');
    expect(
      await client.hmget('device:state:d1', 'device_id', 'device_type', 'reported_state', 'deviceId'),
    ).toEqual(['d1', 't', '{"a":1}', null]);
    expect(Number(await client.hget('device:state:d1', 'last_seen'))).toBeLessThan(1e11);
    const { lastSeen } = (await devstate.json('get d1 --fields lastSeen')) as { lastSeen: number };
    expect(lastSeen).toBeGreaterThan(1e12);
    // The dialect is found from the records: no option is needed.
    await devstate.run('register d2 --type t');
    expect(await client.hexists('device:state:d2', 'device_id')).toBe(1);
  });

  test.each(['register d1 --type t', 'heartbeat d1', 'get d1', 'list', 'set-desired d1 a=1'])(
    'against the one that the fleet declares: %s',
    async (argv) => {
      const client = await redis.client();
      await register(await openFleet(redis), 'd1', 't');
      await client.hset('devices:meta', { dialect: 'python' });
      const before = await snapshot(client);
      expect(await devstate.session(`${argv} --dialect node`)).toBe(
        "! devstate: this fleet's dialect is python, not node\n! hint: leave out --dialect\nexit 2\n",
      );
      expect(await snapshot(client)).toEqual(before);
    },
  );
});
