/** A failed ASKING does not end the process, also with the cluster client of a user of the library. */
import { Cluster, type Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { ignoreAskingFailures } from '../../../src/core/store/cluster-asking.js';

test('a failed ASKING is ignored, for known nodes and for those that join later', async () => {
  const node = () => ({ call: vi.fn().mockRejectedValue(new Error('lost')) }) as unknown as Redis;
  const [known, added] = [node(), node()];
  const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
  vi.spyOn(cluster, 'nodes').mockReturnValue([known]);
  for (let i = 0; i < 2; i++) ignoreAskingFailures(cluster);
  expect(cluster.listenerCount('+node')).toBe(1);
  cluster.emit('+node', added);
  for (const each of [known, added]) {
    await each.asking();
    expect(each.call).toHaveBeenCalledWith('asking');
  }
});
