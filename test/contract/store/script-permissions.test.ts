/**
 * Each script runs as a user who may access only the keys, commands and channel of the script's descriptor.
 * Cluster nodes and ACL roles depend on the descriptor naming every key that the script accesses.
 */

import { beforeAll, describe, expect, test } from 'vitest';
import { unwrapOne } from '../../../src/core/async/item-results.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { LEAST_ARGUMENTS } from '../../../src/core/store/script-commands.js';
import type { Script } from '../../../src/core/store/script-descriptor.js';
import { scriptKeys } from '../../../src/core/store/script-keys.js';
import {
  DECLARE,
  DECLARE_LAYOUT,
  DISCONNECT,
  DUE,
  HEARTBEAT,
  HEARTBEAT_FAST,
  LOWER_TTL,
  RAISE_TTL,
  REGISTER,
  REMOVE_FROM_TYPE,
  REPORT_FAST,
  SCRIPTS,
  SET_DESIRED,
  SETTLE,
  UNREGISTER,
} from '../../../src/core/store/scripts.js';
import { describeIfAble } from '../../support/abilities.js';
import { cut, failure, openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ID = 'aa:bb';
const COMMANDS = '+evalsha +eval +ping +client +select +info';
const READS = '+time +hmget +srandmember +hexists +type';

interface Case {
  script: Script;
  device: { id: string; type?: string; oldType?: string };
  /** Prepares data with which the script accesses every declared key. */
  prepare: (fleet: SingleFleet) => Promise<unknown>;
  run: (fleet: SingleFleet) => Promise<unknown>;
  channel?: string;
}

const onlineDevice = async (fleet: SingleFleet) => {
  await register(fleet, ID, 'lamp');
  await heartbeat(fleet, { id: ID });
};
const expiredDevice = async (fleet: SingleFleet) => {
  await onlineDevice(fleet);
  await cut(fleet, ID);
};
const args = { id: ID, type: 'plug', oldType: 'lamp', metadata: '{"a":1}', ttl: 5000 };
const beat = { id: ID, ttl: '', reported: '{"a":1}', digest: '', expectedVersion: '', expectedText: '' };
const desired = { id: ID, expectedVersion: 0, expectedText: '{}', desired: '{"a":1}', patch: '{"a":1}' };

const cases: Case[] = [
  {
    script: REGISTER,
    device: args,
    prepare: expiredDevice,
    run: (fleet) => fleet.only.run(REGISTER, { onlyIfNew: 0, anyType: 0 }, [args]),
  },
  {
    script: HEARTBEAT_FAST,
    device: { id: ID },
    prepare: async (fleet) => {
      await onlineDevice(fleet);
      await fleet.redis.del('devices:pulse'); // a recent pulse would not be written again
    },
    run: (fleet) => heartbeat(fleet, { id: ID }),
  },
  {
    script: REPORT_FAST,
    device: { id: ID },
    prepare: async (fleet) => {
      await onlineDevice(fleet);
      await heartbeat(fleet, { id: ID, reportedJson: '{"a":1}' });
      await fleet.redis.del('devices:pulse');
    },
    run: (fleet) => heartbeat(fleet, { id: ID, reportedJson: '{"a":2}' }),
  },
  {
    script: HEARTBEAT,
    device: { id: ID },
    prepare: expiredDevice,
    run: (fleet) =>
      fleet.only.run(HEARTBEAT, { defaultTtl: 60_000, longestTtl: 60_000, exclusive: 0, holdTtls: 2 }, [
        beat,
      ]),
    channel: 'devices:presence',
  },
  {
    script: SETTLE,
    device: { id: ID },
    prepare: expiredDevice,
    run: async (fleet) => {
      const { verdicts } = await settle(fleet.only, [ID], { detector: true });
      return unwrapOne(verdicts);
    },
    channel: 'devices:presence',
  },
  {
    script: DUE,
    device: { id: ID },
    prepare: expiredDevice,
    run: (fleet) =>
      fleet.only.run(DUE, { longestTtl: 60_000, mode: 'work', isStalled: 0, after: 0, limit: 10 }, []),
  },
  {
    script: DISCONNECT,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) => disconnect(fleet, ID),
    channel: 'devices:presence',
  },
  {
    script: SET_DESIRED,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) => fleet.only.run(SET_DESIRED, {}, [desired], fleet.keys.commandsChannel(ID)),
    channel: `device:${ID}:commands`,
  },
  {
    script: UNREGISTER,
    device: { id: ID, type: 'lamp' },
    prepare: expiredDevice,
    run: (fleet) =>
      fleet.only.run(UNREGISTER, { longestTtl: 60_000, holdTtls: 2 }, [{ id: ID, type: 'lamp', anyType: 0 }]),
    channel: 'devices:presence',
  },
  {
    script: REMOVE_FROM_TYPE,
    device: { id: ID, type: 'gone' },
    prepare: async (fleet) => {
      await onlineDevice(fleet);
      await fleet.redis.sadd(fleet.keys.type('gone'), ID);
    },
    run: (fleet) => fleet.only.run(REMOVE_FROM_TYPE, {}, [{ id: ID, type: 'gone' }]),
  },
  {
    script: RAISE_TTL,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) => fleet.only.run(RAISE_TTL, { ttl: 90_000 }, []),
  },
  {
    script: LOWER_TTL,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) => fleet.only.run(LOWER_TTL, { ttl: 60_000, known: '' }, []),
  },
  {
    script: DECLARE_LAYOUT,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) => fleet.only.run(DECLARE_LAYOUT, { partitions: 1, former: 1 }, []),
  },
  {
    script: DECLARE,
    device: { id: ID },
    prepare: onlineDevice,
    run: (fleet) =>
      fleet.only.run(
        DECLARE,
        {
          version: 1,
          partitions: 1,
          declaredDialect: 'node',
          writers: 'shared',
          deviceLogins: 0,
          hold: 2,
          caps: '',
        },
        [],
      ),
  },
];

test('there is a case for every script', () => {
  expect(cases.map(({ script }) => script.name)).toEqual(SCRIPTS.map(({ name }) => name));
});

test('the least number of arguments of each command is that of the server', async () => {
  const names = Object.keys(LEAST_ARGUMENTS);
  const server = await redis.client();
  const infos = (await server.command('INFO', ...names)) as [name: string, arity: number][];
  expect(infos.map(([name, arity]) => [name.toUpperCase(), Math.abs(arity) - 1])).toEqual(
    Object.entries(LEAST_ARGUMENTS),
  );
});

describe.each(cases.map((each) => [each.script.name, each] as const))('%s', (_name, each) => {
  let admin: SingleFleet;
  const { script, device, prepare, run, channel } = each;
  const commands = [...script.commands, ...script.probes].map((name) => `+${name.toLowerCase()}`).join(' ');
  let keys: string[];

  beforeAll(async () => {
    admin = await openFleet(redis);
    keys = scriptKeys(script, admin.keys, script.deviceKeys.length > 0 ? [device] : []);
  });

  /** The fleet as a user with these rules, with its settings already cached. */
  async function limited(rules: string): Promise<SingleFleet> {
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
  const keyRules = (keyNames: string[]) => keyNames.map((key) => `~${key}`).join(' ');
  const allRules = () => `${commands} ${keyRules(keys)}${channel ? ` &${channel}` : ''}`;

  test('works with only its keys, commands and channel', async () => {
    await admin.redis.call('ACL', 'LOG', 'RESET');
    expect(await run(await limited(allRules()))).toBeDefined();
    expect(await admin.redis.call('ACL', 'LOG')).toEqual([]);
  });

  test('is refused when any one of its keys is missing', async () => {
    for (const key of keys) {
      const rest = keys.filter((other) => other !== key);
      const fleet = await limited(`${commands} ${keyRules(rest)} &*`);
      expect(await failure(run(fleet)), key).toMatchObject({
        code: 'CONNECTION',
        message: expect.stringMatching(/^permission refused/),
      });
    }
  });

  describeIfAble('redis.acl_check_cmd', 'before it writes', () => {
    test('writes nothing when any one of its commands is denied', async () => {
      const commands = new Set([...script.commands, ...script.probes]);
      commands.delete('HSTRLEN'); // sent only in fleets that declare device logins (detection/device-logins.test.ts)
      for (const command of commands) if (script.unsentIf?.[command] === 'true') commands.delete(command);
      for (const command of commands) {
        const fleet = await limited(`${allRules()} -${command.toLowerCase()}`);
        const before = await snapshot(admin.redis);
        const denied =
          command === 'PUBLISH' ? `publish to ${channel}` : `send ${command}, as ${script.name} does`;
        expect(await failure(run(fleet)), command).toMatchObject({
          code: 'CONNECTION',
          message: `permission refused: this user may not ${denied}`,
        });
        expect(await snapshot(admin.redis), command).toEqual(before);
      }
    });

    test('writes nothing when its channel is denied', async () => {
      if (channel === undefined) return expect(script.commands).not.toContain('PUBLISH');
      const fleet = await limited(`${allRules()} resetchannels`);
      const before = await snapshot(admin.redis);
      expect(await failure(run(fleet))).toMatchObject({
        code: 'CONNECTION',
        message: `permission refused: this user may not publish to ${channel}`,
      });
      expect(await snapshot(admin.redis)).toEqual(before);
    });
  });

  test('accesses each of its keys', async () => {
    await admin.redis.flushall();
    await prepare(admin);
    await admin.settings();
    const monitor = await admin.redis.duplicate().monitor();
    const accessed = new Set<string>();
    monitor.on('monitor', (_time: string, sent: string[], source: string) => {
      if (source === 'lua') for (const word of sent.slice(1)) accessed.add(word);
    });
    await run(admin);
    const echoSeen = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, sent: string[]) => sent[1] === 'the end' && resolve());
    });
    await admin.redis.echo('the end');
    await echoSeen;
    monitor.disconnect();
    expect(keys.filter((key) => !accessed.has(key))).toEqual([]);
  });
});

test('register and unregister need access to the keys of their scripts and devices:meta only', async () => {
  const admin = await openFleet(redis);
  await onlineDevice(admin);
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
