/** `init` and `detect` warn of a server that may evict keys of the fleet, if its settings can be read. */
import { beforeEach, expect, test } from 'vitest';
import { cli } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
beforeEach(async () => {
  const admin = (await openFleet(redis)).redis;
  await admin.config('SET', 'maxmemory', '100mb');
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
});

const HEARTBEATS = 'heartbeats may be lost, and devices be taken for offline';
const ANYTHING = 'records, history and heartbeats of devices may be lost';

test.each([
  ['volatile-lru', HEARTBEATS],
  ['volatile-ttl', HEARTBEATS],
  ['volatile-random', HEARTBEATS],
  ['allkeys-lfu', ANYTHING],
])('%s: %s', async (policy, loss) => {
  await (await openFleet(redis)).redis.config('SET', 'maxmemory-policy', policy);
  const warning = `maxmemory-policy ${policy}: at maxmemory ${loss}; noeviction loses nothing\n`;
  for (const argv of ['init', 'detect --once', 'detect']) expect(await noticesOf(argv)).toHaveLength(1);
  expect((await cli(redis.url).run('init')).stderr).toBe(warning);

  async function noticesOf(argv: string): Promise<string[]> {
    const running = cli(redis.url).start(argv);
    await running.says('stderr', warning);
    const { exit, stderr } = await running.stop();
    expect(exit).toBe(0);
    return stderr.split('\n').filter((line) => line.includes('maxmemory'));
  }
});

test.each([
  ['no key is evicted', 'noeviction', '100mb', []],
  ['there is no maxmemory', 'allkeys-lru', '0', []],
  ['INFO is denied', 'allkeys-lru', '100mb', ['-info']],
])('nothing is told if %s', async (_name, policy, maxmemory, rules) => {
  const admin = (await openFleet(redis)).redis;
  await admin.config('SET', 'maxmemory-policy', policy);
  await admin.config('SET', 'maxmemory', maxmemory);
  await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
  const devstate = cli(redis.url.replace('//', '//app:pw@'));
  expect(await devstate.run('init')).toMatchObject({ exit: 0, stderr: '' });
  expect(await devstate.run('detect --once')).toMatchObject({ exit: 0, stderr: '0 went offline\n' });
});
