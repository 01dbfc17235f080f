/** The signals that end presence feeds: time-outs, and one signal or one manager for many feeds. */
import { expect, test } from 'vitest';
import { DeviceStateManager } from '../../../src/index.js';
import { withGarbageCollections } from '../../support/collect-garbage.js';
import { allOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { warningsDuring } from '../../support/warnings.js';

const redis = useRedis({ port: true });

async function withManager(use: (manager: DeviceStateManager) => Promise<void>): Promise<void> {
  const manager = new DeviceStateManager({ port: Number(new URL(redis.url).port) });
  try {
    await use(manager);
  } finally {
    await manager.close();
  }
}

/** Opens a feed, and resolves with its events when it has ended. */
function openFeed(manager: DeviceStateManager, signal?: AbortSignal) {
  let ready = () => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const ended = allOf(manager.presence({ ...(signal && { signal }), onReady: ready }));
  return { isReady, ended };
}

test('a feed with a time-out ends, though garbage is collected', { timeout: 10_000 }, () =>
  withManager(async (manager) => {
    const events = allOf(manager.presence({ signal: AbortSignal.timeout(500) }));
    expect(await withGarbageCollections(events)).toEqual([]);
  }),
);

test.each([
  ['with one signal', new AbortController()],
  ['that end with the manager', undefined],
])('fifteen feeds of a manager %s cause no warning', (_, abort) =>
  withManager(async (manager) => {
    const warnings = await warningsDuring(async () => {
      const feeds = Array.from({ length: 15 }, () => openFeed(manager, abort?.signal));
      await Promise.all(feeds.map(({ isReady }) => isReady));
      abort?.abort();
      if (!abort) await manager.close();
      await Promise.all(feeds.map(({ ended }) => ended));
    });
    expect(warnings).toEqual([]);
  }),
);
