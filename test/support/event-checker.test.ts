/** The checker accepts what a fleet tells on every topology, also over dead connections, and finds each kind of error. */
import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import { disconnect } from '../../src/core/presence/disconnect.js';
import { heartbeats } from '../../src/core/presence/heartbeats.js';
import { registerAll } from '../../src/core/registry/register.js';
import { unregister } from '../../src/core/registry/unregister.js';
import { cluster, oneServer, partitionedServer, sentinel } from './backends.js';
import { openDetector } from './detector.js';
import { EventChecker, findFeedError, findLogError } from './event-checker.js';
import { numberedIds, until } from './fleet.js';

const IDS = numberedIds(12);

describe.each([
  ['one server', oneServer],
  ['one server, in partitions', partitionedServer],
  ['Sentinel', sentinel],
  ['a cluster', cluster],
])('%s', (_, open) => {
  const backend = open();

  test('each transition is told once, in order, and alternates per registration', async () => {
    const fleet = await backend.open();
    const register = () =>
      registerAll(
        fleet,
        IDS.map((id) => ({ id, type: 'lamp' })),
      );
    const beat = (ttl: number) =>
      heartbeats(
        fleet,
        IDS.map((id) => ({ id, ttl })),
      );
    await register();
    await beat(60_000);
    const checker = await EventChecker.start(fleet);
    const detectors = [await openDetector(fleet), await openDetector(fleet)];
    for (const id of IDS.slice(0, 4)) await disconnect(fleet, id);
    for (const id of IDS.slice(0, 2)) await unregister(fleet, id);
    await register();
    await beat(500);
    await until(() => checker.events.filter(({ reason }) => reason === 'timeout').length === IDS.length);
    for (const { stop } of detectors) await stop();
    const log = await checker.check(detectors);
    expect(log.length).toBeGreaterThan(IDS.length * 2);
  });
});

/** Events from texts like `d1 2 offline`; the index is the time. */
function events(...texts: string[]): PresenceEvent[] {
  const previous = new Map<string, number>();
  return texts.map((text, i) => {
    const [deviceId = '', seq, status] = text.split(' ');
    const previousAt = seq === '1' ? null : (previous.get(deviceId) ?? null);
    previous.set(deviceId, i + 1);
    return {
      id: `${i + 1}-0`,
      deviceId,
      seq: Number(seq),
      status,
      timestamp: i + 1,
      previousAt,
    } as PresenceEvent;
  });
}

const LOG = events('a 1 online', 'b 1 online', 'a 2 offline', 'a 1 online', 'b 2 offline');

test('a correct log and feed have no error', () => {
  expect([findLogError(LOG), findFeedError(LOG, LOG)]).toEqual([undefined, undefined]);
});

test.each([
  ['a missing event', LOG.toSpliced(1, 1)],
  ['a missing last event', LOG.slice(0, -1)],
  ['a doubled event', [...LOG.slice(0, 2), ...LOG.slice(1)]],
  ['an invented event', [...LOG, ...events('', '', '', '', '', 'c 1 online').slice(5)]],
  ['two events in the wrong order', [LOG[1], LOG[0], ...LOG.slice(2)] as PresenceEvent[]],
])('finds %s in a feed', (_, told) => {
  expect(findFeedError(told, LOG)).toMatch(/^event \d of the feed/);
});

test.each([
  ['a transition twice', events('a 1 online', 'a 2 online'), /is online/],
  ['a gap', events('a 1 online', 'a 3 offline'), /has seq 3/],
  ['a first event that is none', events('a 2 offline'), /has seq 2/],
])('finds %s in a log', (_, log, error) => {
  expect(findLogError(log)).toMatch(error);
});
