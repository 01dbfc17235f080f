/** The roles of contract/acl-roles.test.ts on a cluster: the same lines do, on each of its nodes. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { aclOf, ROLES, type Role } from '../../src/core/acl.js';
import { heartbeat } from '../../src/core/heartbeats.js';
import { declareLayout } from '../../src/core/layout.js';
import { register } from '../../src/core/registry.js';
import { cli } from '../support/cli.js';
import { useCluster } from '../support/cluster.js';

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

test.each(ROLES)('%s: works, and is refused what is another’s', async (role) => {
  const fleet = await cluster.fleet({ namespace: 'acme' });
  await declareLayout(fleet, { partitions: 8 });
  await register(fleet, ID, 't');
  await heartbeat(fleet, { id: ID });
  const { line } = aclOf(role, { namespace: 'acme', ids: [ID] });
  for (const { url } of cluster.nodes) {
    const node = new Redis(url);
    await node.call(...(line.split(' ') as [string]), '>pw');
    node.disconnect();
  }
  const devstate = cli(cluster.url.replace('//', `//${role}:pw@`));
  for (const argv of LINES[role])
    expect(await devstate.run(`${argv} -n acme -q`), argv).toMatchObject({ exit: 0, stderr: '' });
  const another = role === 'operator' ? 'detect --once' : 'register d3 --type t';
  expect(await devstate.run(`${another} -n acme -q`)).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining(': permission refused: this user '),
  });
});
