/** YAML and CSV as the commands print them: the JSON output in another format. */
import { beforeEach, expect, test } from 'vitest';
import { cli, text } from '../support/cli.js';
import { ODD_NUMBERS, openFleet, pretendDetector } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);

beforeEach(async () => {
  await pretendDetector(await openFleet(redis));
  await devstate.run([
    'register',
    'd1',
    '--type',
    'meter',
    '--meta',
    '{"version":"1.1","site":"=A1","on":"on"}',
  ]);
  await devstate.run(['heartbeat', 'd1', '--report', ODD_NUMBERS]);
});

test('get prints a device', async () => {
  expect(await devstate.session('get d1 -o yaml --fields deviceId,status,reportedState,metadata')).toBe(text`
    deviceId: d1
    status: online
    reportedState:
      big: 12345678901234567890
      huge: 1e400
      money: 0.10
    metadata:
      version: "1.1"
      site: "=A1"
      "on": "on"
  `);
  expect(
    await devstate.session('get d1 -o csv --fields deviceId,reportedState.huge,metadata.site,desiredState'),
  ).toBe(text`
    deviceId,reportedState.huge,metadata.site,desiredState
    d1,1e400,'=A1,{}
  `);
});

test('list prints a sequence or rows, and nothing but a notice when empty', async () => {
  await devstate.run('register d2 --type meter');
  const fields = '--fields deviceId,status,lastSeen --sort id';
  expect(await devstate.session(`list -o yaml ${fields}`)).toBe(text`
    - deviceId: d1
      status: online
      lastSeen: MILLISECONDS0
    - deviceId: d2
      status: offline
      lastSeen: null
  `);
  expect(await devstate.session(`list -o csv ${fields} --no-headers`)).toBe(
    'd1,online,MILLISECONDS0\nd2,offline,\n',
  );
  expect(await devstate.session('list -o yaml --type none')).toBe('[]\n! no devices\n');
  expect(await devstate.session('list -o csv --type none')).toBe('! no devices\n');
});

test('actions print their result', async () => {
  expect(await devstate.session('set-desired d1 a=1 -o yaml')).toBe(text`
    deviceId: d1
    desiredState:
      a: 1
    version: 1
    changed: true
  `);
  expect(await devstate.session('delta d1 -o csv')).toBe(text`
    deviceId,inSync,delta,patch
    d1,false,"{""a"":{""desired"":1,""reported"":null}}","{""a"":1}"
  `);
  expect(await devstate.session('disconnect d1 -o csv')).toBe('deviceId,status,wasOnline\nd1,offline,true\n');
});

test('watch-presence prints a YAML document or a CSV row per event', async () => {
  const fields = '--fields deviceId,status,reason';
  await devstate.run('disconnect d1');
  expect(await devstate.session(`watch-presence --since 1h --count 2 -o yaml ${fields} -q`)).toBe(text`
    ---
    deviceId: d1
    status: online
    reason: heartbeat
    ---
    deviceId: d1
    status: offline
    reason: disconnect
  `);
  expect(await devstate.session(`watch-presence --since 1h --count 2 -o csv ${fields} -q`)).toBe(text`
    deviceId,status,reason
    d1,online,heartbeat
    d1,offline,disconnect
  `);
});

test('errors are printed as text', async () => {
  for (const format of ['yaml', 'csv'])
    expect(await devstate.session(`get none -o ${format}`)).toBe(text`
      ! devstate: device "none" is not registered
      ! hint: devstate register ID --type TYPE
      exit 3
    `);
});

test('a list ends when stdout is closed', async () => {
  const file = Array.from(
    { length: 3000 },
    (_, i) => `{"deviceId":"x${i}","deviceType":"${'t'.repeat(200)}"}`,
  ).join('\n');
  await devstate.run('register -f -', { stdin: file });
  for (const format of ['yaml', 'csv']) {
    let taken = 0;
    const { exit, stderr } = await devstate.run(`list -o ${format}`, {
      reader: async () => {
        taken += 1;
        if (taken === 2) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      },
    });
    expect({ exit, stderr, taken }).toEqual({ exit: 0, stderr: '', taken: 2 });
  }
});
