/** `devstate init --partitions`: the number of partitions of a fleet. */
import { expect, test } from 'vitest';
import { cli } from '../../support/cli.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);

test.each([
  ['0', 'bad count "0": it must be a whole number, at least 1'],
  ['many', 'bad count "many": it must be a whole number, at least 1'],
  ['1025', 'too many partitions: 1025\n! hint: at most 1024'],
])('--partitions %s is refused', async (count, expected) => {
  expect(await devstate.session(`init --partitions ${count}`)).toBe(
    `! devstate: --partitions: ${expected}\nexit 2\n`,
  );
});

test('partitions can change while there are no devices', async () => {
  for (const count of [16, 64]) {
    expect(await devstate.session(`init --partitions ${count} -q`, { tty: true })).toBe(
      `layout version 1, ${count} partitions, dialect node, shared writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n`,
    );
  }
  await devstate.run('register d1 --type lamp');
  expect(await (await redis.client()).keys('*device:state:*')).toEqual(['{31}:device:state:d1']);
  expect(await devstate.run('init --partitions 16')).toMatchObject({ exit: 6 });
  expect(await devstate.session('init --writers exclusive')).toBe(
    'layout version 1, 64 partitions, dialect node, exclusive writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
  );
  await devstate.run('unregister d1 --yes');
  expect(await devstate.session('init --partitions 1')).toBe(
    'layout version 1, one partition, dialect node, exclusive writers, hold 2, history reported=20 desired=100 presence=100, log 100000\n',
  );
});

test('a failing init changes nothing', async () => {
  expect(await devstate.run('init --partitions 4 --dialect node')).toMatchObject({ exit: 0 });
  expect(await devstate.session('init --partitions 8 --dialect python')).toBe(
    "! devstate: this fleet's dialect is node, not python\n! hint: leave out --dialect\nexit 2\n",
  );
  expect(await (await redis.client()).hget('devices:meta', 'partitions')).toBe('4');
});
