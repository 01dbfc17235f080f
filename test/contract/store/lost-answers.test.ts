/**
 * The answer to a request is lost after Redis has done it: a write that must not be repeated is reported as unknown, in
 * the library, in a bulk result and on the command line; never as a conflict, nor as a change that somebody else made.
 * Reads, and heartbeats without a report, succeed when they are sent again.
 */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import { cli } from '../../support/cli.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import { type Loss, loseAnswer } from '../../support/faults/lose-answer.js';
import { failure, numberedIds } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const TIMEOUT_MS = 600;
/** The longest time of a call that ends at the request timeout, on a busy machine, ms. */
const END_MS = 4 * TIMEOUT_MS;
const ID = 'device-1';
const UNKNOWN = {
  code: 'CONNECTION',
  reason: 'OUTCOME_UNKNOWN',
  outcome: 'unknown',
  message: expect.stringMatching(/(no answer in time|lost before the answer); it may have been done$/),
};

let proxy: FaultProxy;
/** Reaches Redis through the proxy. */
let manager: DeviceStateManager;
/** Reaches Redis directly. */
let direct: DeviceStateManager;

function opened(url: string): DeviceStateManager {
  const { hostname, port } = new URL(url);
  const made = new DeviceStateManager({ host: hostname, port: Number(port) }, { requestTimeout: TIMEOUT_MS });
  onTestFinished(() => made.close());
  return made;
}

beforeEach(async () => {
  proxy = await useFaultProxy(redis.url);
  manager = opened(proxy.url);
  direct = opened(redis.url);
  // The server then has all scripts, and the client has connected and knows the fleet's settings.
  await direct.registerDevice('other', 'lamp');
  await direct.deviceHeartbeat('other');
  for (const on of [true, false]) await direct.deviceHeartbeat('other', { on });
  await direct.setDesiredState('other', { on: true });
  await direct.disconnectDevice('other');
  await manager.deviceHeartbeat('other');
  await direct.unregisterDevice('other');
});

interface Write {
  what: string;
  call(of: DeviceStateManager): Promise<unknown>;
  /** Whether it was done. */
  isDone(): Promise<boolean>;
  isNew?: true;
  /** Done before it. */
  before?(): Promise<unknown>;
  /** The number of script calls that are answered before it. */
  skip?: number;
  args: readonly string[];
}

const state = async () => (await direct.getDeviceState(ID)) ?? { status: 'none', version: 0 };
const has = async (expected: object) => expect.objectContaining(expected).asymmetricMatch(await state());

const WRITES: Write[] = [
  {
    what: 'register if new',
    call: (of) => of.registerDevice(ID, 'lamp', undefined, { onlyIfNew: true }),
    isDone: () => has({ deviceType: 'lamp' }),
    isNew: true,
    args: ['register', ID, '--type', 'lamp', '--if-new'],
  },
  {
    what: 'a change of the type',
    call: (of) => of.registerDevice(ID, 'plug'),
    isDone: () => has({ deviceType: 'plug' }),
    skip: 1, // the first finds out the present type
    args: ['register', ID, '--type', 'plug'],
  },
  {
    what: 'set desired if version',
    call: (of) => of.setDesiredState(ID, { on: true }, { ifVersion: 0 }),
    isDone: () => has({ desiredVersion: 1 }),
    args: ['set-desired', ID, '{"on":true}', '--if-version', '0'],
  },
  {
    what: 'set desired',
    call: (of) => of.setDesiredState(ID, { on: true }),
    isDone: () => has({ desiredVersion: 1 }),
    args: ['set-desired', ID, '{"on":true}'],
  },
  {
    what: 'a report',
    call: (of) => of.deviceHeartbeat(ID, { on: true }),
    isDone: () => has({ reportedVersion: 1, reportedState: { on: true } }),
    skip: 1, // the first leaves a first report to the full script
    args: ['heartbeat', ID, '--report', '{"on":true}'],
  },
  {
    what: 'a second report',
    before: () => direct.deviceHeartbeat(ID, { on: false }),
    call: (of) => of.deviceHeartbeat(ID, { on: true }),
    isDone: () => has({ reportedVersion: 2, reportedState: { on: true } }),
    args: ['heartbeat', ID, '--report', '{"on":true}'],
  },
  {
    what: 'a merged report',
    call: (of) => of.deviceHeartbeat(ID, { on: true }, { merge: true }),
    isDone: () => has({ reportedVersion: 1, reportedState: { on: true } }),
    args: ['heartbeat', ID, '--merge', '--report', '{"on":true}'],
  },
  {
    what: 'disconnect',
    call: (of) => of.disconnectDevice(ID),
    isDone: () => has({ status: 'offline' }),
    args: ['disconnect', ID],
  },
  {
    what: 'unregister',
    call: (of) => of.unregisterDevice(ID),
    isDone: () => has({ status: 'none' }),
    args: ['unregister', ID, '--yes'],
  },
];

async function prepare({ isNew, before }: Write): Promise<void> {
  if (isNew) return;
  await direct.registerDevice(ID, 'lamp');
  await direct.deviceHeartbeat(ID);
  await before?.();
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work;
  expect(performance.now() - begun).toBeLessThan(END_MS);
  return result;
}

describe.each<Loss>(['swallow', 'reset'])('the answer is lost: %s', (how) => {
  test.each(WRITES)('$what is told as unknown', async (write) => {
    await prepare(write);
    expect(await write.isDone()).toBe(false);
    loseAnswer(proxy, ID, how, write.skip);
    const error = await inTime(failure(write.call(manager)));
    expect(error).toMatchObject(UNKNOWN);
    expect(await write.isDone()).toBe(true);
    expect(await manager.getDeviceState('other')).toBeNull(); // the connection works again
  });

  test('a heartbeat without a report succeeds, and does not say whether the device was offline', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, how, 1); // the first script skips devices that are offline
    expect(await inTime(manager.deviceHeartbeat(ID))).toMatchObject({ deviceId: ID, wasOffline: null });
    loseAnswer(proxy, ID, how);
    expect(await inTime(manager.deviceHeartbeat(ID))).toMatchObject({ deviceId: ID, wasOffline: null });
    expect(await manager.deviceHeartbeat(ID)).toMatchObject({ wasOffline: false });
  });

  test('a read succeeds', async () => {
    await direct.registerDevice(ID, 'lamp');
    proxy.onData = (flow, chunk, direction) => {
      if (direction !== 'toServer' || !chunk.includes(ID)) return;
      proxy.onData = () => {};
      flow.set(how === 'swallow' ? { swallow: true } : { cut: { bytes: 2, by: 'reset' } }, 'toClient');
    };
    expect(await inTime(manager.getDeviceState(ID))).toMatchObject({ deviceId: ID });
  });
});

describe('in a bulk result', () => {
  const ids = numberedIds(20 * MAX_DEVICES_PER_SCRIPT);

  test('what was answered before is told as done, what was not answered as unknown, the rest as not sent', async () => {
    loseAnswer(proxy, '\r\nd1050\r\n', 'swallow');
    const results = await inTime(
      manager.registerDevices(
        ids.map((deviceId) => ({ deviceId, deviceType: 'lamp' })),
        { onlyIfNew: true },
      ),
    );
    const outcomes = results.map((result) =>
      result instanceof DevstateError ? (result.outcome ?? 'not sent') : 'done',
    );
    expect([...new Set(outcomes)]).toEqual(['done', 'unknown', 'not sent']);
    expect(outcomes[1050]).toBe('unknown');
    expect(outcomes.filter((outcome) => outcome === 'unknown').length).toBeLessThanOrEqual(
      8 * MAX_DEVICES_PER_SCRIPT,
    );
    const unknown = results.find((result) => result instanceof DevstateError);
    expect(unknown).toMatchObject({ ...UNKNOWN, message: expect.stringMatching(/^device "d\d+": /) });
    expect(results.at(-1)).toMatchObject({
      code: 'CONNECTION',
      outcome: undefined,
      message: 'device "d1999": not sent, because an earlier request failed',
    });
    const registered = new Set(await direct.getOfflineDevices());
    for (const [i, id] of ids.entries()) {
      if (outcomes[i] === 'done') expect(registered.has(id)).toBe(true);
      if (outcomes[i] === 'not sent') expect(registered.has(id)).toBe(false);
    }
  });

  test('one item of many is unknown; those of the requests before it keep their results', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, 'swallow', 1);
    const beats = [{ a: 1 }, { b: 2 }].map((reportedState) => ({ deviceId: ID, reportedState, merge: true }));
    const [first, second] = await inTime(manager.deviceHeartbeats(beats));
    expect(first).toMatchObject({ deviceId: ID, wasOffline: true });
    expect(second).toMatchObject({ ...UNKNOWN, message: expect.stringMatching(`^device "${ID}": `) });
    expect(await direct.getDeviceState(ID)).toMatchObject({ reportedState: { a: 1, b: 2 } });
  });

  test('heartbeats without a report succeed beside a report that is unknown, also those of one tick', async () => {
    await direct.registerDevices(['a', 'b'].map((deviceId) => ({ deviceId, deviceType: 'lamp' })));
    loseAnswer(proxy, '{"on":true}', 'swallow', 1); // the first leaves the report to the full script
    const [bare, report] = await inTime(
      Promise.allSettled([manager.deviceHeartbeat('a'), manager.deviceHeartbeat('b', { on: true })]),
    );
    expect(bare).toMatchObject({ status: 'fulfilled', value: { deviceId: 'a', status: 'online' } });
    expect(report).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION', outcome: 'unknown' } });
    expect(await direct.getDeviceState('b')).toMatchObject({ reportedState: { on: true } });
  });

  test('a call of which nothing was answered rejects', async () => {
    loseAnswer(proxy, ID, 'swallow');
    const call = manager.registerDevices([{ deviceId: ID, deviceType: 'lamp' }]);
    expect(await inTime(failure(call))).toMatchObject(UNKNOWN);
  });
});

describe('on the command line', () => {
  const at = { url: '' };
  const devstate = cli(at);
  const flags = ['--request-timeout', `${TIMEOUT_MS}ms`];
  beforeEach(() => {
    at.url = proxy.url;
  });

  test.each(WRITES)('$what: exit 5, and the outcome in the JSON of the error', async (write) => {
    await prepare(write);
    loseAnswer(proxy, ID, 'reset', write.skip);
    const { exit, stdout, stderr } = await devstate.run([...write.args, '--json', ...flags]);
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1) as string);
    expect(error).toMatchObject({
      code: 'CONNECTION',
      outcome: 'unknown',
      message: expect.stringContaining('it may have been done'),
      hint: 'devstate get ID shows whether it was done',
    });
    expect(await write.isDone()).toBe(true);
  });

  test('as text: one line and a hint', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, 'swallow');
    const { exit, stderr } = await devstate.run(['set-desired', ID, '{"on":true}', ...flags]);
    expect(exit).toBe(5);
    expect(stderr).toMatch(
      /^devstate: .*; it may have been done\nhint: devstate get ID shows whether it was done\n$/m,
    );
  });

  const LINES = [{ a: 1 }, { b: 2 }]
    .map((reportedState) => `${JSON.stringify({ deviceId: ID, reportedState })}\n`)
    .join('');
  const fromFile = ['heartbeat', '-f', '-', '--merge', '--yes', ...flags];

  test('a line of a file: exit 7, the line and the outcome', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, 'swallow', 1);
    const { exit, stderr } = await devstate.run([...fromFile, '--json'], { stdin: LINES });
    expect(exit).toBe(7);
    expect(JSON.parse(stderr.split('\n')[0] as string).error).toMatchObject({
      code: 'CONNECTION',
      outcome: 'unknown',
      line: 2,
      hint: 'devstate get ID shows whether it was done',
    });
    expect(stderr).toContain('1 done, 0 failed, 1 unknown\n');
  });

  test('a line of a file as text', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, 'swallow', 1);
    const { exit, stderr } = await devstate.run(fromFile, { stdin: LINES });
    expect(exit).toBe(7);
    expect(stderr).toMatch(/^devstate: line 2: .*: device "device-1": .*; it may have been done\nhint: /);
  });

  const IDS = ['lamp-0', 'lamp-1', 'lamp-2', 'lamp-3'];
  const OTHER_COMMANDS: [argv: string, line: (id: string) => string][] = [
    ['heartbeat -f - --yes', (deviceId) => JSON.stringify({ deviceId, reportedState: { on: true } })],
    ['set-desired - on=true --yes', (id) => id],
    ['disconnect - --yes', (id) => id],
    ['unregister - --yes', (id) => id],
  ];

  describe.each<Loss>(['swallow', 'reset'])('in the middle of the input: %s', (how) => {
    test.each(OTHER_COMMANDS)('%s names what is unknown, and goes on', async (argv, line) => {
      await direct.registerDevices(IDS.map((deviceId) => ({ deviceId, deviceType: 'lamp' })));
      await direct.deviceHeartbeats(IDS.map((deviceId) => ({ deviceId })));
      loseAnswer(proxy, IDS[1] as string, how);
      const running = devstate.start([...argv.split(' '), ...flags, '-o', 'ndjson'], { tty: true });
      for (const [i, id] of IDS.entries()) {
        running.stdin.write(`${line(id)}\n`);
        if (i === 1) await running.says('stderr', `device \\"${id}\\": `);
        else await running.says('stdout', `"${id}"`);
      }
      running.stdin.end();
      const { exit, stdout, stderr } = await running.done;
      expect([exit, stdout.trim().split('\n').length]).toEqual([7, IDS.length - 1]);
      const [first = '', ...totals] = stderr.trim().split('\n');
      expect(JSON.parse(first).error).toMatchObject({
        outcome: 'unknown',
        ...(argv.includes('-f') && { line: 2 }),
      });
      expect(totals).toEqual(argv.includes('-f') ? ['3 done, 0 failed, 1 unknown'] : []);
    });

    test('of the first line: the second is done', async () => {
      await direct.registerDevice(ID, 'lamp');
      loseAnswer(proxy, ID, how);
      const running = devstate.start([...fromFile, '-o', 'ndjson'], { tty: true });
      const [first, second] = LINES.split('\n');
      running.stdin.write(`${first}\n`);
      await running.says('stderr', '"line":1');
      running.stdin.end(`${second}\n`);
      expect(await running.done).toMatchObject({
        exit: 7,
        stderr: expect.stringContaining('1 done, 0 failed, 1 unknown\n'),
      });
    });
  });

  test.each<[exit: number, what: string, totals: string]>([
    [7, 'something was done', '1 done, 0 failed, 1 unknown; the rest of the input was not sent\n'],
    [5, 'nothing was done', '0 done, 0 failed, 1 unknown\n'],
  ])('a server that is gone for good ends the command with %d if %s', async (exit, _what, totals) => {
    await direct.registerDevices(IDS.map((deviceId) => ({ deviceId, deviceType: 'lamp' })));
    const line = OTHER_COMMANDS[0]?.[1] as (id: string) => string;
    const running = devstate.start([...fromFile, '-o', 'ndjson'], { tty: true });
    if (exit === 7) {
      running.stdin.write(`${line('lamp-0')}\n`);
      await running.says('stdout', '"lamp-0"');
    }
    proxy.onData = (_flow, chunk, direction) => {
      if (direction === 'toServer' && /evalsha.*lamp-1/is.test(chunk.toString('latin1')))
        proxy.set({ swallow: true });
    };
    running.stdin.write(`${line('lamp-1')}\n`);
    const ended = await running.done; // its input has not ended
    expect(ended).toMatchObject({ exit, stderr: expect.stringContaining(totals) });
    const errors = ended.stderr.split('\n').filter((text) => text.startsWith('{'));
    expect(errors.map((text) => JSON.parse(text).error)).toMatchObject([
      { outcome: 'unknown', line: exit === 7 ? 2 : 1 },
      { code: 'CONNECTION' },
    ]);
  });

  test('a heartbeat that was sent again: JSON says null, and the text does not say that the device was offline', async () => {
    await direct.registerDevice(ID, 'lamp');
    loseAnswer(proxy, ID, 'reset', 1);
    const json = await devstate.run(['heartbeat', ID, '--json', ...flags]);
    expect(JSON.parse(json.stdout)).toMatchObject({ deviceId: ID, wasOffline: null });
    await direct.disconnectDevice(ID);
    loseAnswer(proxy, ID, 'reset', 1);
    const text = await devstate.run(['heartbeat', ID, ...flags]);
    expect(text.exit).toBe(0);
    expect(text.stdout).toMatch(`${ID} online, expires`);
  });
});
