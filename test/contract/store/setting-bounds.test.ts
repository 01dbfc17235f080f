/** Settings that are out of their limits: each command ends at once, with one line. */
import { expect, test } from 'vitest';
import { cli } from '../../support/cli.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);

test.each([
  ['partitions', '100000000', '"100000000" instead of a number up to 1024'],
  ['partitions', '1025', '"1025" instead of a number up to 1024'],
  ['partitions', '1e9', '"1e9" instead of a number up to 1024'],
  ['partitions', '-1', '"-1" instead of a number'],
  ['logCap', '1e15', '"1e15" instead of a number up to 1000000000'],
  ['historyCap', '1e12', '"1e12" instead of a number up to 1000000'],
  ['reportedCap', '1000001', '"1000001" instead of a number up to 1000000'],
  ['desiredCap', '-1', '"-1" instead of a number'],
  ['presenceCap', 'many', '"many" instead of a number'],
  ['longestTtl', '9007199254740991', '"9007199254740991" instead of a number up to 315360000000'],
  ['foundTtl', '9007199254740991 1', '"9007199254740991" instead of a number up to 315360000000'],
  ['foundTtl', 'NaN', '"NaN" instead of a number'],
  ['longestTtl', 'NaN', '"NaN" instead of a number'],
  ['logCap', 'x'.repeat(1_000_000), expect.stringMatching(/^"x{10,60}.{0,3}" instead of a number$/)],
])('%s %s', async (field, value, message) => {
  await (await redis.client()).hset('devices:meta', field, value);
  for (const argv of ['list', 'stats', 'register d --type t', 'detect --once', 'watch-presence', 'init']) {
    const { stdout, stderr, exit } = await devstate.run(argv);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 1 });
    const [line = '', ...rest] = stderr
      .trimEnd()
      .split('\n')
      .filter((each) => !each.startsWith('hint'));
    expect([line.replace(/^devstate: devices:meta holds /, ''), rest]).toEqual([message, []]);
  }
});
