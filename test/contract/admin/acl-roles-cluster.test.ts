/** The roles of acl-roles.test.ts on a cluster: the same lines do, on each of its nodes. */
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

const LINES: Record<Role, string[]> = {
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
  device: [`heartbeat ${ID} --report a=1 --ttl 5h`],
  detector: ['detect --once'],
};

/** Command lines as a user with this role. */
async function asUser(role: Role) {
  const { line } = aclOf(role, { namespace: 'acme', ids: [ID] });
  for (const { url } of cluster.nodes)
    await briefly(url, (node) => node.call(...(line.split(' ') as [string]), '>pw'));
  return cli(cluster.url.replace('//', `//${role}:pw@`));
}

test.each(ROLES)('%s: works, and is refused what is another’s', async (role) => {
  const fleet = await cluster.fleet({ namespace: 'acme' });
  await declareFleet(fleet, { partitions: 8 });
  await register(fleet, ID, 't');
  await heartbeat(fleet, { id: ID });
  const devstate = await asUser(role);
  for (const argv of LINES[role])
    expect(await devstate.run(`${argv} -n acme -q`), argv).toMatchObject({ exit: 0, stderr: '' });
  const another = role === 'operator' ? 'detect --once' : 'register d3 --type t';
  expect(await devstate.run(`${another} -n acme -q`)).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining(': permission refused: this user '),
  });
});

test.each(ROLES)('%s: follows a key that has moved before its slot has', async (role) => {
  const fleet = await cluster.fleet({ namespace: 'acme' });
  await declareFleet(fleet, { partitions: 8 });
  await register(fleet, ID, 't');
  const { meta } = fleet.keys;
  const slot = await fleet.redis.cluster('KEYSLOT', meta);
  const [from, to] = await cluster.around(slot);
  const [source, target] = await Promise.all(
    [from, to].map(({ url }) => briefly(url, (node) => node.cluster('MYID'))),
  );
  const assign = ({ url }: PrivateServer, ...how: [how: string, id: unknown]) =>
    briefly(url, (node) => node.call('CLUSTER', 'SETSLOT', String(slot), how[0], String(how[1])));
  await assign(to, 'IMPORTING', source);
  await assign(from, 'MIGRATING', target);
  await briefly(from.url, (node) => node.call('MIGRATE', '127.0.0.1', portOf(to), meta, 0, 5000));
  try {
    const [argv] = LINES[role];
    const devstate = await asUser(role);
    expect(await devstate.run(`${argv} -n acme -q`)).toMatchObject({ exit: 0, stderr: '' });
  } finally {
    for (const node of [to, from, ...cluster.nodes]) await assign(node, 'NODE', target);
  }
});
