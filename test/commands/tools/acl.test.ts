/** The output of `devstate acl`. Its effect in Redis is tested in contract/admin/acl-roles.test.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { cli, text } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

/** Nothing listens there: acl must not connect, except for the role device. */
const devstate = cli('redis://127.0.0.1:1');
const redis = useRedis();
const PASSWORD = '! hint: a new user has no password: add >PASSWORD at the end of the line\n';

test('prints a line for redis-cli and hints about what it lacks', async () => {
  const line = [
    'ACL SETUSER gw-7 on resetkeys resetchannels -@all',
    '+exec +exists +hget +hmget +hset +ltrim +multi +ping +pttl +rpush +set +subscribe +time +unsubscribe +unwatch +watch',
    '~acme:{0}:device:fence:gw-7 ~acme:{0}:device:heartbeat:gw-7 ~acme:{0}:device:history:reported:gw-7',
    '~acme:{0}:device:state:gw-7 &acme:device:gw-7:commands',
  ].join(' ');
  const fleet = await openFleet(redis, { namespace: 'acme' });
  await declareFleet(fleet, { partitions: 2, deviceLogins: true });
  const options = '-n acme --role device --fleet-partitions 2 --dialect node --fleet-history 20';
  expect(await cli(redis).session('acl device --user gw-7 -n acme')).toBe(
    text`
      ${line}
      ${PASSWORD.trim()}
      ! hint: the device runs devstate with ${options}
      ! hint: to save them: devstate context set NAME --url URL ${options}
    `,
  );
  await declareFleet(fleet, { deviceLogins: false });
  expect((await cli(redis).run('acl device --user gw-7 -n acme')).stderr).toContain(
    'devstate init --device-logins',
  );
  expect(await cli(redis).session('acl device --user gw-7 -n acme -q')).toBe(`${line}\n`);
  expect(await devstate.session('acl viewer --user gw-7')).toMatch(new RegExp(`^ACL .*\n${PASSWORD}$`));
});

test('JSON has the line and its parts', async () => {
  expect(await devstate.json('acl detector --fields role,user,channels')).toEqual({
    role: 'detector',
    user: 'detector',
    channels: ['devices:presence'],
  });
  const { line, commands, keys, channels } = (await devstate.json('acl viewer --user v')) as {
    line: string;
    [part: string]: unknown;
  };
  const words = line.split(' ').slice('ACL SETUSER v on resetkeys resetchannels -@all'.split(' ').length);
  const part = (sign: string) => words.filter((word) => word.startsWith(sign)).map((word) => word.slice(1));
  expect([commands, keys, channels]).toEqual([part('+'), part('~'), part('&')]);
});

test('--id names the devices, instead of the name of the user', async () => {
  const argv = ['acl', 'device', '--id', 'a:b', '--id', 'c*'];
  const { keys, channels } = (await cli(redis).json(argv)) as { keys: string[]; channels: string[] };
  expect(keys.filter((key) => key.startsWith('device:state:'))).toEqual([
    'device:state:a:b',
    'device:state:c\\*',
  ]);
  expect(channels).toEqual(['device:a:b:commands', 'device:c\\*:commands']);
});

test('namespace and database come from the context in use', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'config.toml');
  writeFileSync(config, '[contexts.prod]\nurl = "redis://127.0.0.1:1/3"\nnamespace = "acme"\n', {
    mode: 0o600,
  });
  const env = { DEVSTATE_CONFIG: config };
  const made = await devstate.json('acl viewer --context prod --fields commands,channels', { env });
  expect(made).toEqual({
    commands: expect.arrayContaining(['select']),
    channels: ['acme:devices:presence'],
  });
});

test('repeating the line changes nothing, not even passwords', async () => {
  const { redis: admin } = await openFleet(redis);
  const line = async (role: string) =>
    (await devstate.run(`acl ${role} --user u -q`)).stdout.trim().split(' ') as [string];
  await admin.call(...(await line('viewer')), '>pw');
  const before = await admin.call('ACL', 'GETUSER', 'u');
  await admin.call(...(await line('operator')));
  expect(await admin.call('ACL', 'GETUSER', 'u')).not.toEqual(before);
  await admin.call(...(await line('viewer')));
  expect(await admin.call('ACL', 'GETUSER', 'u')).toEqual(before);
});

test.each<[argv: string[], expected: string]>([
  [
    ['acl', 'admin'],
    text`
      ! devstate: no role "admin"
      ! hint: one of viewer, operator, device, detector
      exit 2
    `,
  ],
  [
    ['acl', 'viewer', '--id', 'd1'],
    '! devstate: --id, --partitions and --history require the role device\nexit 2\n',
  ],
  [
    ['acl', 'device', '--id', 'a b'],
    '! devstate: no ACL line for "a b": Redis takes no space in a key pattern, so the device cannot have a login of its own\nexit 2\n',
  ],
  [
    ['acl', 'viewer', '--user', 'a b'],
    '! devstate: a user name must not be empty or contain white space or control characters\nexit 2\n',
  ],
  [
    ['acl', 'viewer', '--user', ''],
    '! devstate: a user name must not be empty or contain white space or control characters\nexit 2\n',
  ],
])('%j', async (argv, expected) => {
  expect(await devstate.session(argv)).toBe(expected);
});
