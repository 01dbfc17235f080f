/** The detector gives one notice, when another program writes to a fleet declared exclusive. */
import { expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { articleProgram } from '../../support/article.mjs';
import { openDetector } from '../../support/detector.js';
import { openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

test.each(['exclusive', 'shared'] as const)(
  'another program publishes heartbeats in a fleet declared %s',
  async (writers) => {
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { writers });
    const notices: string[] = [];
    const detector = await openDetector(fleet, { onNotice: (message) => notices.push(message) });
    const article = articleProgram(await redis.client(), 'node');
    for (const id of ['d1', 'd2']) {
      await article.register(id, 'lamp');
      await article.heartbeat(id);
    }
    await until(() => detector.events.length >= 2);
    await detector.stop();
    expect(notices.filter((notice) => notice.includes('exclusive'))).toHaveLength(
      writers === 'exclusive' ? 1 : 0,
    );
  },
);

test('the audit finds what another program wrote without publishing', async () => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet, { writers: 'exclusive' });
  const detector = await openDetector(fleet);
  await articleProgram(await redis.client(), 'node').register('d1', 'lamp'); // register publishes nothing
  await detector.says('another program writes to this exclusive fleet');
  await detector.stop();
  expect(detector.events).toEqual([]);
});
