/** Documents over the size or depth limit are refused with one error line before anything is sent to Redis. */
import { expect, test } from 'vitest';
import { cli } from '../support/cli.js';
import { useRedis } from '../support/redis.js';
import { faultsOf } from './output-faults.js';

const redis = useRedis();
const devstate = cli(redis);
const unreachable = cli('redis://127.0.0.1:1');

const LARGE = `{"a":"${'x'.repeat(1_048_576)}"}`;
const DEEP = `${'{"a":'.repeat(32)}{}${'}'.repeat(32)}`;
const TOO_LARGE = 'too large: a document is at most 1 MiB (1048576 bytes), not 1048584 bytes';
const TOO_DEEP = 'nested too deeply: a document is at most 32 levels deep';

test.each([
  ['register d --type t --meta'],
  ['heartbeat d --report'],
  ['heartbeat d --merge --report'],
  ['set-desired d'],
  ['set-desired d --replace'],
])('%s refuses a document over a limit, without a connection', async (command) => {
  for (const [document, message] of [
    [LARGE, TOO_LARGE],
    [DEEP, TOO_DEEP],
    ['-', TOO_LARGE],
  ] as const) {
    const argv = [...command.split(' '), document];
    const result = await unreachable.run(argv, { stdin: LARGE });
    expect(faultsOf(argv, result)).toEqual([]);
    expect(result).toEqual({ exit: 2, stdout: '', stderr: `devstate: ${message}\n` });
  }
});

test('in a file, each line is refused by itself', async () => {
  await devstate.run('register d --type t');
  const line = (document: string) => `{"deviceId":"d","reportedState":${document}}`;
  const stdin = [line('{"n":1}'), line(LARGE), line(DEEP), 'x'.repeat(5_000_000), line('{"n":2}')].join('\n');
  for (const merge of [[], ['--merge']]) {
    expect(await devstate.run(['heartbeat', '-f', '-', ...merge], { stdin })).toEqual({
      exit: 7,
      stdout: '',
      stderr: [
        `devstate: line 2: ${TOO_LARGE}`,
        `devstate: line 3: ${TOO_DEEP}`,
        'devstate: line 4: the line is too long: at most 4 MiB',
        '2 done, 3 failed\n',
      ].join('\n'),
    });
  }
  const client = await redis.client();
  expect(await client.hget('device:state:d', 'reportedState')).toBe('{"n":2}');
});
