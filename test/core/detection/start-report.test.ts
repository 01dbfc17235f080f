import { expect, test } from 'vitest';
import { StartReport } from '../../../src/core/detection/start-report.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { OutageNotice } from '../../../src/core/pubsub/outage-notice.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ERROR = new DevstateError('CONNECTION', 'connection lost');

async function setUp() {
  const [a, b] = (await openFleet(redis)).layOutPartitions(2);
  if (!a || !b) throw new Error('two partitions were expected');
  const said: string[] = [];
  const outage = new OutageNotice({ onLost: () => said.push('lost') });
  return { a, b, said, report: new StartReport(2, outage, () => said.push('started')) };
}

test('reports the start when all partitions were read', async () => {
  const { a, b, said, report } = await setUp();
  report.addReached(a);
  expect(said).toEqual([]);
  report.addReached(b);
  expect(said).toEqual(['started']);
});

test('reports an outage before the start, when one of them cannot be read', async () => {
  const { a, b, said, report } = await setUp();
  expect(report.addUnreached(a, ERROR)).toBe(true);
  expect(said).toEqual([]);
  report.addReached(b);
  expect(said).toEqual(['lost', 'started']);
});

test('returns false and reports nothing, when none of them can be read', async () => {
  const { a, b, said, report } = await setUp();
  expect([report.addUnreached(a, ERROR), report.addUnreached(b, ERROR)]).toEqual([true, false]);
  expect(said).toEqual([]);
});
