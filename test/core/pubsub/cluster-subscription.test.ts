/** Subscriptions on a cluster of which no node is known. */
import { Cluster } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { subscribe, subscribeEverywhere } from '../../../src/core/pubsub/subscribe.js';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import { parseDeclaredSettings } from '../../../src/core/store/settings.js';
import { ClusterLink } from '../../../src/redis/cluster-link.js';
import { failure } from '../../support/fleet.js';

test.each([subscribe, subscribeEverywhere])(
  '%o: rejects after the request timeout, when no master is found',
  async (open) => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { clusterRetryStrategy: () => 60_000 });
    cluster.on('error', () => {});
    onTestFinished(() => closeConnection(cluster));
    await new Promise((resolve) => cluster.once('reconnecting', resolve));
    const fleet = new Fleet(new ClusterLink(cluster), { requestTimeout: 100 });
    vi.spyOn(fleet, 'declared').mockResolvedValue(parseDeclaredSettings([])); // as if read before the nodes were lost
    const subscription = open(fleet, 'a channel', { onMessage() {}, onLost() {}, onResumed() {} });
    onTestFinished(() => subscription.close());
    expect(await failure(subscription.ready)).toMatchObject({ code: 'CONNECTION', message: 'timed out' });
  },
);
