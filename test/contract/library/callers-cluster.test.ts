/** A cluster client of the caller's, which loses the connection to a node: the next call reads the slots and succeeds. */
import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { DeviceStateManager } from '../../../src/index.js';
import { useCluster } from '../../support/cluster.js';
import { numberedIds, until } from '../../support/fleet.js';
import { portOf } from '../../support/sentinel.js';

const cluster = useCluster({ replicas: 0 });

test('calls succeed within their time after a node was lost', async () => {
  await declareFleet(await cluster.fleet(), { partitions: 16 });
  const client = new Cluster(
    cluster.nodes.map((node) => ({ host: '127.0.0.1', port: Number(portOf(node)) })),
    { retryDelayOnFailover: 0 },
  );
  try {
    const manager = new DeviceStateManager(client, { requestTimeout: 5000 });
    const devices = numberedIds(50).map((deviceId) => ({ deviceId, deviceType: 'lamp' }));
    await manager.registerDevices(devices);
    const [node] = client.nodes('master');
    node?.disconnect();
    await until(() => !client.nodes('master').some((each) => each === node));
    const beats = await manager.deviceHeartbeats(devices.map(({ deviceId }) => ({ deviceId })));
    expect(beats.filter((beat) => beat instanceof Error)).toEqual([]);
  } finally {
    client.disconnect();
  }
});
