/** On a cluster, the ACL line of each role works when it is set on every node. */
import { expect, test } from 'vitest';
import { aclOf, ROLES, type Role } from '../../../src/core/admin/acl-roles.js';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { useCluster } from '../../support/cluster.js';
import { briefly } from '../../support/redis.js';
import { portOf } from '../../support/sentinel.js';

const cluster = useCluster({ masters: 3, replicas: 0 });
const ID = 'gw:1';

const COMMAND_LINES: Record<Role, string[]> = {
  viewer: [
    `get ${ID}`,
    'list',
    'list-online',
    'stale',
    'stats',
    `history ${ID}`,
    'watch-presence --since 1h --for 1ms',
  ],
  operator: [
    'register d2 --type t',
    `heartbeat ${ID}`,
    `set-desired ${ID} a=1`,
    `disconnect ${ID}`,
    `unregister ${ID} --yes`,
    'init',
  ],
  device: [`get ${ID}`, `heartbeat ${ID} --report a=1 --ttl 5h`, `delta ${ID}`, `disconnect ${ID}`],
  detector: ['detect --once'],
};

/** Creates a user with this role on every node, and returns a command-line runner that logs in as that user. */
async function asUser(role: Role) {
  const { line } = aclOf(role, { namespace: 'acme', ids: [ID], partitions: 8, topology: 'cluster' });
  for (const { url } of cluster.nodes)
    await briefly(url, (node) => node.call(...(line.split(' ') as [string]), '>pw'));
  const devstate = cli(cluster.url.replace('//', `//${role}:pw@`));
  const login = role === 'device' ? ' --role device --fleet-partitions 8' : '';
  return (argv: string) => devstate.run(`${argv} -n acme -q${login}`);
}

test.each(ROLES)('%s: runs the commands of its role, and is refused those of another role', async (role) => {
  const fleet = await cluster.fleet({ namespace: 'acme' });
  await declareFleet(fleet, { partitions: 8 });
  await register(fleet, ID, 't');
  await heartbeat(fleet, { id: ID });
  const run = await asUser(role);
  for (const argv of COMMAND_LINES[role])
    expect(await run(argv), argv).toMatchObject({ exit: 0, stderr: '' });
  const otherRoleCommand =
    role === 'operator' ? 'detect --once' : role === 'device' ? 'list' : 'register d3 --type t';
  expect(await run(otherRoleCommand)).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining(': permission refused: this user '),
  });
});

test.each(ROLES)('%s: follows an ASK redirect, when the key has moved and the slot has not', async (role) => {
  const fleet = await cluster.fleet({ namespace: 'acme' });
  await declareFleet(fleet, { partitions: 8 });
  await register(fleet, ID, 't');
  const { meta } = fleet.keys;
  const slot = await fleet.redis.cluster('KEYSLOT', meta);
  const [from, to] = await cluster.around(slot);
  const [source, target] = await Promise.all(
    [from, to].map(({ url }) => briefly(url, (node) => node.cluster('MYID'))),
  );
  const setSlot = ({ url }: PrivateServer, ...state: [name: string, nodeId: unknown]) =>
    briefly(url, (node) => node.call('CLUSTER', 'SETSLOT', String(slot), state[0], String(state[1])));
  await setSlot(to, 'IMPORTING', source);
  await setSlot(from, 'MIGRATING', target);
  await briefly(from.url, (node) => node.call('MIGRATE', '127.0.0.1', portOf(to), meta, 0, 5000));
  try {
    const [argv = ''] = COMMAND_LINES[role];
    const run = await asUser(role);
    expect(await run(argv)).toMatchObject({ exit: 0, stderr: '' });
  } finally {
    for (const node of [to, from, ...cluster.nodes]) await setSlot(node, 'NODE', target);
  }
});
