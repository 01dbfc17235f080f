/**
 * Each script as a user who may touch the keys of its descriptor and no other: a cluster node, and a role of
 * an ACL, hold us to them. Redis refuses an undeclared key inside the script, and a declared one before it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { disconnect, heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register, unregister } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import {
  BEAT,
  DISCONNECT,
  HEARTBEAT,
  LEAVE_TYPE,
  RAISE_TTL,
  REGISTER,
  SCRIPTS,
  type Script,
  SET_DESIRED,
  SETTLE,
  STEP,
  scriptKeys,
  UNREGISTER,
} from '../../../src/core/store/scripts.js';
import { cut, failure, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ID = 'aa:bb';
const COMMANDS = '+evalsha +eval +ping +client +select +info';
const READS = '+hmget +srandmember +hexists +type';

interface Case {
  script: Script;
  /** What the script itself sends. */
  commands: string;
  device: { id: string; type?: string; oldType?: string };
  /** Leaves something to do that touches every key. */
  prepare: (fleet: Fleet) => Promise<unknown>;
  run: (fleet: Fleet) => Promise<unknown>;
  channel?: string;
}

const online = async (fleet: Fleet) => {
  await register(fleet, ID, 'lamp');
  await heartbeat(fleet, { id: ID });
};
const lapsed = async (fleet: Fleet) => {
  await online(fleet);
  await cut(fleet, ID);
};
const args = { id: ID, type: 'plug', oldType: 'lamp', metadata: '{"a":1}', ttl: 5000 };
const beat = { id: ID, ttl: '', reported: '{"a":1}', expectedVersion: '', expectedText: '' };
const desired = { id: ID, expectedVersion: 0, expectedText: '{}', desired: '{"a":1}', patch: '{"a":1}' };

const cases: Case[] = [
  {
    script: REGISTER,
    commands: '+time +scard +zcard +hmget +hset +sadd +srem +exists +zadd',
    device: args,
    prepare: lapsed,
    run: (fleet) => fleet.run(REGISTER, { onlyIfNew: 0 }, [args]),
  },
  {
    script: BEAT,
    commands: '+time +scard +zcard +hmget +get +getex +set +sadd +zadd +hset',
    device: { id: ID },
    prepare: async (fleet) => {
      await online(fleet);
      await fleet.redis.del('devices:pulse'); // else it need not be stamped yet
    },
    run: (fleet) => heartbeat(fleet, { id: ID }),
  },
  {
    script: HEARTBEAT,
    commands:
      '+time +scard +zcard +xlen +hmget +get +getex +set +exists +zscore +sadd +zadd +xadd +hset +publish +lindex +rpush +ltrim',
    device: { id: ID },
    prepare: lapsed,
    run: (fleet) => fleet.run(HEARTBEAT, { defaultTtl: 60_000, longestTtl: 60_000, exclusive: 0 }, [beat]),
    channel: 'devices:presence',
  },
  {
    script: SETTLE,
    commands:
      '+time +scard +zcard +xlen +hmget +get +set +pttl +zscore +srem +zadd +xadd +hset +publish +lindex +rpush +ltrim',
    device: { id: ID },
    prepare: lapsed,
    run: (fleet) => settle(fleet, [ID], { detector: true }),
    channel: 'devices:presence',
  },
  {
    script: STEP,
    commands: '+time +get +set +zrangebyscore',
    device: { id: ID },
    prepare: lapsed,
    run: (fleet) => fleet.run(STEP, { longestTtl: 60_000, mode: 'work', honourHold: 1, limit: 10 }, []),
  },
  {
    script: DISCONNECT,
    commands:
      '+time +scard +zcard +xlen +hmget +get +set +pttl +zscore +srem +del +zadd +xadd +hset +publish +lindex +rpush +ltrim',
    device: { id: ID },
    prepare: online,
    run: (fleet) => disconnect(fleet, ID),
    channel: 'devices:presence',
  },
  {
    script: SET_DESIRED,
    commands: '+time +hmget +hset +publish +lindex +rpush +ltrim',
    device: { id: ID },
    prepare: online,
    run: (fleet) => fleet.run(SET_DESIRED, {}, [desired], fleet.keys.commandsChannel(ID)),
    channel: `device:${ID}:commands`,
  },
  {
    script: UNREGISTER,
    commands: '+time +scard +zcard +xlen +get +hlen +hmget +exists +zscore +srem +xadd +del +zrem +publish',
    device: { id: ID, type: 'lamp' },
    prepare: lapsed,
    run: (fleet) => fleet.run(UNREGISTER, {}, [{ id: ID, type: 'lamp' }]),
    channel: 'devices:presence',
  },
  {
    script: LEAVE_TYPE,
    commands: '+scard +hlen +hmget +exists +srem',
    device: { id: ID, type: 'gone' },
    prepare: async (fleet) => {
      await online(fleet);
      await fleet.redis.sadd(fleet.keys.type('gone'), ID);
    },
    run: (fleet) => fleet.run(LEAVE_TYPE, {}, [{ id: ID, type: 'gone' }]),
  },
  {
    script: RAISE_TTL,
    commands: '+hget +hset',
    device: { id: ID },
    prepare: online,
    run: (fleet) => fleet.run(RAISE_TTL, { ttl: 90_000 }, []),
  },
];

test('no script is left out', () => {
  expect(cases.map(({ script }) => script.name)).toEqual(SCRIPTS.map(({ name }) => name));
});

describe.each(cases.map((each) => [each.script.name, each] as const))('%s', (_name, each) => {
  let admin: Fleet;
  const { script, commands, device, prepare, run, channel } = each;
  let keys: string[];

  beforeAll(async () => {
    admin = await openFleet(redis);
    keys = scriptKeys(script, admin.keys, script.deviceKeys.length > 0 ? [device] : []);
  });

  /** The fleet as a user with these rules, its settings read. */
  async function limited(rules: string): Promise<Fleet> {
    const { redis: raw } = admin;
    await raw.flushall();
    await raw.hset('devices:meta', 'dialect', 'node');
    await prepare(admin);
    await raw.call(
      'ACL',
      'SETUSER',
      'limited',
      'reset',
      'on',
      '>secret',
      '~devices:meta',
      ...`${COMMANDS} ${READS}`.split(' '),
    );
    const fleet = await openFleet(redis, {}, { username: 'limited', password: 'secret' });
    await fleet.settings();
    await raw.call('ACL', 'SETUSER', 'limited', 'resetkeys', 'resetchannels', ...rules.split(' '));
    return fleet;
  }
  const allowed = (list: string[]) => list.map((key) => `~${key}`).join(' ');
  const all = () => `${commands} ${allowed(keys)}${channel ? ` &${channel}` : ''}`;

  test('works with its keys, commands and channel, and no more', async () => {
    await admin.redis.call('ACL', 'LOG', 'RESET');
    expect(await run(await limited(all()))).toBeDefined();
    expect(await admin.redis.call('ACL', 'LOG')).toEqual([]);
  });

  test('fails without any one of them', async () => {
    for (const key of keys) {
      const rest = keys.filter((other) => other !== key);
      const fleet = await limited(`${commands} ${allowed(rest)} &*`);
      expect(await failure(run(fleet)), key).toMatchObject({
        code: 'CONNECTION',
        message: expect.stringMatching(/^permission refused/),
      });
    }
  });

  test('touches each of them', async () => {
    await admin.redis.flushall();
    await prepare(admin);
    await admin.settings();
    const monitor = await admin.redis.duplicate().monitor();
    const touched = new Set<string>();
    monitor.on('monitor', (_time: string, sent: string[], source: string) => {
      if (source === 'lua') for (const word of sent.slice(1)) touched.add(word);
    });
    await run(admin);
    const last = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, sent: string[]) => sent[1] === 'the end' && resolve());
    });
    await admin.redis.echo('the end');
    await last;
    monitor.disconnect();
    expect(keys.filter((key) => !touched.has(key))).toEqual([]);
  });
});

test('an unregister and a register through the library need no more keys than their scripts and the record', async () => {
  const admin = await openFleet(redis);
  await online(admin);
  const devices = [{ id: ID, type: 'lamp', oldType: 'lamp' }];
  const keys = [
    ...scriptKeys(REGISTER, admin.keys, devices),
    ...scriptKeys(UNREGISTER, admin.keys, devices),
    'devices:meta',
  ];
  await admin.redis.call(
    'ACL',
    'SETUSER',
    'limited',
    'reset',
    'on',
    '>secret',
    '+@all',
    '&*',
    ...keys.map((key) => `~${key}`),
  );
  const fleet = await openFleet(redis, {}, { username: 'limited', password: 'secret' });
  expect(await register(fleet, ID, 'lamp')).toMatchObject({ created: false });
  await unregister(fleet, ID);
  expect(await failure(heartbeat(fleet, { id: 'other' }))).toMatchObject({ code: 'CONNECTION' });
});
