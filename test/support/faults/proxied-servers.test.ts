/** Clients of one server, Sentinel and a cluster reach it only through proxies, which disturb neither replicas nor sentinels. */
import { describe, expect, test } from 'vitest';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { cluster, oneServer, sentinel } from '../backends.js';
import { numberedIds } from '../fleet.js';

describe.each([
  ['one server', oneServer, 1],
  ['Sentinel', sentinel, 5],
  ['a cluster', cluster, 6],
] as const)('%s', (_, open, servers) => {
  const backend = open({ proxied: true });

  test('is used through its proxies, and by new connections when the old ones are dead', async () => {
    const ids = numberedIds(50);
    const dead = await backend.open();
    await registerAll(
      dead,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    expect(backend.proxies.length).toBe(servers);
    const clients = backend.proxies.flatMap((proxy) => proxy.blackHole());
    expect(clients.length).toBeGreaterThan(0);

    const [fleet] = await backend.beside(dead, 1);
    const results = await heartbeats(
      fleet as typeof dead,
      ids.map((id) => ({ id })),
    );
    expect(results.length).toBe(50);
    const internal = backend.proxies.flatMap(({ flows }) => flows.filter(({ isSpared }) => isSpared));
    expect(internal.every(({ isClosed }) => !isClosed)).toBe(true);
  });
});
