/**
 * Attacks with the password of each role, without devstate: seeded random commands on keys and channels, near misses of
 * the role's own among them. Whatever is not the role's stays as it was, and nobody hears a forged message.
 */
import type { Redis } from 'ioredis';
import { Command } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ROLES, type Role } from '../../../src/core/admin/acl-roles.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { type Connection, isCluster } from '../../../src/core/store/connection.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { type Backend, everythingOn } from '../../support/backends.js';
import { until } from '../../support/fleet.js';
import { type Attack, randomAttacks } from '../../support/random-attacks.js';
import { seedsOf } from '../../support/size.js';

const ATTEMPTS = 500;
const SEEDS = seedsOf(25, 26, 27, 28, 29, 30, 31, 32, 33, 34);
const RUNS = ROLES.flatMap((role) => SEEDS.map((seed) => ({ role, seed })));
const MINE = 'sensor-1';
const OTHERS = ['sensor-2', 'sensor-1:x', 'sensor-', 'x', 'x}:device:state:sensor-1', '{sensor-1}'];

export function attackTests({ open, login }: Backend): void {
  async function target(): Promise<Fleet> {
    const empty = await open();
    for (const server of empty.servers()) await server.flushall(); // keys of other tests may expire meanwhile
    const fleet = await open();
    await registerAll(
      fleet,
      [MINE, ...OTHERS].map((id) => ({ id, type: 'lamp' })),
    );
    await heartbeats(
      fleet,
      [MINE, ...OTHERS].map((id) => ({ id, ttl: 3_600_000, reportedJson: '{"a":1}' })),
    );
    await setDesired(fleet, MINE, { a: true });
    for (const key of foreignKeys(fleet)) await fleet.redis.set(key, 'foreign');
    return fleet;
  }

  describe('with the password of a role and without devstate', () => {
    test.each(RUNS)(
      `$role: of ${ATTEMPTS} attempts of seed $seed none changes what is not its own`,
      async ({ role, seed }) => {
        const fleet = await target();
        const { client: attacker } = await login(fleet, role, [MINE]);
        const own = await ownKeys(fleet, role);
        const heard = await listenToAll(fleet);
        const others = async () => {
          const all = Object.entries(await everythingOn(fleet.servers()));
          return Object.fromEntries(all.filter(([key]) => !own.key(key)));
        };
        const before = await others();
        const accepted: string[] = [];
        for (const attack of randomAttacks(seed, ATTEMPTS, await poolOf(fleet)))
          if (await succeeds(attacker, attack)) accepted.push(JSON.stringify(attack));
        expect(await others(), `accepted: ${accepted.join('\n')}`).toEqual(before);
        expect((await heard()).filter((channel) => !own.channel(channel))).toEqual([]);
        expect(accepted.length).toBeLessThan(ATTEMPTS / 2); // the attacks are not all harmless
        expect(accepted.length).toBeGreaterThan(0); // nor all malformed
      },
    );

    test('device: what was possible with the password of 0.1 is refused', async () => {
      const fleet = await target();
      const { keys } = await fleet.partitionFor(MINE);
      const { client: attacker } = await login(fleet, 'device', [MINE]);
      const attacks: string[][] = [
        ['set', keys.pulse, '1 1 99999999999999'],
        ['get', keys.pulse],
        ['xadd', keys.log, '18446744073709551615-18446744073709551615', 'a', 'b'],
        ['zadd', keys.activity, '1', MINE],
        ['publish', keys.presenceChannel, '{"type":"presence"}'],
        ['publish', keys.commandsChannel(MINE), '{}'],
        ['hset', keys.meta, 'partitions', '1048576'],
        ['hget', keys.meta, 'partitions'],
        ['eval', 'while true do end', '0'],
        ['eval', "return redis.call('get', KEYS[1])", '1', keys.heartbeat(MINE)],
        ['hset', '{0}:device:state:x}:device:state:sensor-1', 'a', 'b'],
        ['hset', `{0}:${keys.state(MINE)}`, 'a', 'b'],
        ['set', keys.state('sensor-2'), 'x'],
        ['rpush', keys.history('desired', MINE), 'x'],
        ['hset', keys.state(`${MINE}x`), 'a', 'b'],
      ];
      for (const attack of attacks)
        expect([attack, await refusal(attacker, attack)]).toEqual([attack, 'NOPERM']);
      for (const channel of [
        keys.presenceChannel,
        keys.commandsChannel('sensor-2'),
        `${keys.commandsChannel(MINE)}x`,
      ])
        expect([channel, await refusal(attacker, ['subscribe', channel])]).toEqual([channel, 'NOPERM']);
    });
  });
}

/** Keys of other programs, and of other fleets on the same servers. */
function foreignKeys({ options: { namespace } }: Fleet): string[] {
  return [
    'attack:foreign',
    'device:state:sensor-1',
    '{0}:device:state:sensor-1',
    `${namespace}x:device:state:${MINE}`,
    `${namespace}x:devices:pulse`,
    `x:${namespace}:device:state:${MINE}`,
  ];
}

const MARK = 'attack:mark';

interface Own {
  key(name: string): boolean;
  channel(name: string): boolean;
}

/** What the role may change by its purpose. It is written down apart from the ACL rules, which it checks. */
async function ownKeys(fleet: Fleet, role: Role): Promise<Own> {
  const { keys } = await fleet.partitionFor(MINE);
  const ns = `${fleet.options.namespace}:`;
  const inFleet = (name: string) => new RegExp(`^${ns}(\\{\\d+\\}:)?devices?:`).test(name);
  const never = () => false;
  switch (role) {
    case 'viewer':
      return { key: never, channel: never };
    case 'device': {
      const own = [keys.state(MINE), keys.heartbeat(MINE), keys.fence(MINE), keys.history('reported', MINE)];
      return { key: (name) => own.includes(name), channel: never };
    }
    case 'detector':
      return {
        key: (name) => inFleet(name) && !/:device:history:(reported|desired):|:devices:types?\b/.test(name),
        channel: (name) => name === `${ns}devices:presence`,
      };
    case 'operator':
      return { key: inFleet, channel: (name) => name.startsWith(`${ns}device`) };
  }
}

async function poolOf(fleet: Fleet) {
  const { keys } = await fleet.partitionFor(MINE);
  const parts = await fleet.partitions();
  const ofDevice = (id: string) => [
    keys.state(id),
    keys.heartbeat(id),
    keys.fence(id),
    keys.history('reported', id),
    keys.history('desired', id),
    keys.history('presence', id),
  ];
  const mine = ofDevice(MINE);
  const shared = [keys.registered, keys.online, keys.types, keys.activity, keys.log, keys.pulse, keys.meta];
  return {
    own: mine,
    keys: [
      ...mine,
      ...mine.flatMap((key) => [`${key}x`, key.slice(0, -1), key.toUpperCase(), `x${key}`, `{0}:${key}`]),
      ...OTHERS.flatMap(ofDevice),
      ...parts.slice(0, 3).map((part) => part.keys.state(MINE)),
      ...shared,
      keys.type('lamp'),
      ...foreignKeys(fleet),
    ],
    channels: [
      keys.presenceChannel,
      ...[MINE, ...OTHERS, `${MINE}:x`].map((id) => keys.commandsChannel(id)),
      'devices:presence',
      '__keyevent@0__:expired',
    ],
  };
}

/** Sends the commands of an attack together, and returns whether one was not refused. */
async function succeeds(connection: Connection, attack: Attack): Promise<boolean> {
  const node = nodeFor(connection, attack[0] as readonly string[]);
  const outcomes =
    (await node.pipeline(attack.map(([name = '', ...args]) => ['call', name, ...args])).exec()) ?? [];
  return outcomes.some(([error]) => error === null);
}

async function refusal(connection: Connection, command: readonly string[]): Promise<string> {
  const [name = '', ...args] = command;
  return nodeFor(connection, command)
    .call(name, ...args)
    .then(
      () => 'done',
      (error: Error) => error.message.split(' ', 1)[0] as string,
    );
}

/** Returns the client of the node that holds the first key of the command, if it is on a cluster. */
function nodeFor(connection: Connection, [name = '', ...args]: readonly string[]): Redis {
  if (!isCluster(connection)) return connection;
  const slot = new Command(name, [...args]).getSlot();
  const address = connection.slots[slot ?? 0]?.[0];
  const nodes = connection.nodes('master');
  return (nodes.find(({ options }) => `${options.host}:${options.port}` === address) ?? nodes[0]) as Redis;
}

/**
 * Subscribes to all channels of all servers. Returns a function that gives the channels of the messages since then.
 * Nodes of a cluster pass messages on to each other with a delay, in order, so each sends a last one.
 */
async function listenToAll(fleet: Fleet): Promise<() => Promise<string[]>> {
  const servers = fleet.servers();
  const channels: string[] = [];
  let marks = 0;
  const subscribers = await Promise.all(
    servers.map(async (server) => {
      const subscriber = server.duplicate({ retryStrategy: () => null });
      onTestFinished(() => subscriber.disconnect());
      subscriber.on('error', () => {}); // the rejection of `connect` says what is wrong
      subscriber.on('pmessage', (_pattern, channel) => {
        if (channel === MARK) marks += 1;
        else if (channel !== '__sentinel__:hello') channels.push(channel);
      });
      await subscriber.connect();
      await subscriber.psubscribe('*');
      return subscriber;
    }),
  );
  const untilAllCame = async () => {
    marks = 0;
    await Promise.all(servers.map((server) => server.publish(MARK, '')));
    await until(() => marks === servers.length * subscribers.length);
    return channels.splice(0);
  };
  await untilAllCame(); // messages from before
  return untilAllCame;
}
