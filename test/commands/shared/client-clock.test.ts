/**
 * This machine's clock is 20 minutes wrong: times that are given, shown and printed are those of the server's clock.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { detectorNotices } from '../../../src/commands/presence/detector-notices.js';
import type { Context } from '../../../src/commands/shared/context.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli } from '../../support/cli.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const MINUTE_MS = 60_000;

afterEach(() => void vi.useRealTimers());

describe.each([20, -20])('off by %i minutes', (minutes) => {
  let fleet: SingleFleet;

  beforeEach(async () => {
    fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp', { ttl: 10 * MINUTE_MS });
    await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * MINUTE_MS });
  });

  test('--since of watch-presence finds what was logged, and shows what follows', async () => {
    const watch = devstate.run('watch-presence --since 15m --count 2 --for 60s -o name');
    await register(fleet, 'd2', 'lamp');
    await heartbeat(fleet, { id: 'd2' });
    expect((await watch).stdout).toBe('d1\nd2\n');
  });

  test('--since and --until of history', async () => {
    expect(await devstate.json('history d1 --since 15m --kind reported')).toHaveLength(1);
    expect(await devstate.json('history d1 --until 15m --kind reported')).toEqual([]);
  });

  test('--at of get', async () => {
    expect(await devstate.json('get d1 --at 0')).toMatchObject({ reportedState: { on: true } });
    expect((await devstate.run('get d1 --at 15m')).exit).toBe(3);
  });

  test('ages and EXPIRES', async () => {
    const { stdout } = await devstate.run('list-online --color never --no-headers', { tty: true });
    expect(stdout).toMatch(/^d1 +lamp +online +\d+s ago +in (10m|9m\d+s)\n$/);
    const { stdout: whole } = await devstate.run('get d1 --color never', { tty: true });
    expect(whole).toMatch(/\d+s ago/);
    expect(whole).not.toMatch(/\d+m(\d+s)? ago/);
  });

  test('how long a hold lasts', async () => {
    const said: string[] = [];
    const now = Date.now() - minutes * MINUTE_MS;
    const context = { serverTime: () => now, notice: (line: string) => said.push(line) };
    detectorNotices(context as unknown as Context, true).onHold?.(now + 90_000);
    const until = new Date(now + 90_000).toISOString();
    expect(said).toEqual([expect.stringContaining(`not marked offline for 1m30s, until ${until}`)]);
  });
});
