/** A detector whose connections are lost or refused: it retries what can recover, ends otherwise, and misses no expiry. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { DetectOptions } from '../../../src/core/detection/detect-options.js';
import { detect } from '../../../src/core/detection/detector.js';
import { sweep } from '../../../src/core/detection/sweep.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { articleProgram } from '../../support/article.mjs';
import { DETECTOR_CLIENT, type OpenDetector, openDetector } from '../../support/detector.js';
import {
  bringOnline,
  failure,
  logOf,
  numberedIds,
  openFleet,
  type SingleFleet,
  storyOf,
  until,
} from '../../support/fleet.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ONLINE_THEN_TIMEOUT = ['1 online heartbeat', '2 offline timeout'];

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** Starts a detector on its own connection. */
async function detector(
  options: DetectOptions = {},
  at = redis,
  client = DETECTOR_CLIENT,
): Promise<OpenDetector> {
  return openDetector(await openFleet(at, fleet.options, client), options);
}

/** Registers d0, d1, … and sends a heartbeat of each with the TTL for its index, in ms. */
async function online(count: number, ttl: (index: number) => number): Promise<string[]> {
  const ids = numberedIds(count);
  await bringOnline(fleet, ids, ttl);
  return ids;
}

/** Sends a heartbeat of a device that is in the index, but not in the registered set, which the audit scans. */
async function onlineOutsideAudit(id: string, ttl: number): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
  await fleet.redis.srem(fleet.keys.registered, id);
}

describe('when all connections are lost', () => {
  const persistent = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });

  test('by a restart of the server: gives one notice of loss and return, and finds what expired meanwhile', async () => {
    fleet = await openFleet(persistent, {}, DETECTOR_CLIENT);
    const { said, says, first } = await detector({}, persistent);
    await online(2, (i) => (i === 0 ? 200 : 60_000));
    await persistent.server.kill();
    await says('lost');
    await persistent.server.restart();
    await says('resumed');
    expect(await first(1)).toMatchObject([{ deviceId: 'd0', status: 'offline' }]);
    expect(said.filter((line) => !line.startsWith('hold'))).toEqual(['lost', 'resumed']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
  });

  test('by CLIENT KILL: it continues', async () => {
    const { first } = await detector();
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await online(1, () => 20);
    await first(1);
    const article = articleProgram(fleet.redis, 'node');
    await article.register('d1', 'lamp');
    await fleet.redis.srem(fleet.keys.registered, 'd1');
    await until(async () => {
      await article.heartbeat('d1'); // has an effect once the detector has subscribed again
      await fleet.redis.del(fleet.keys.heartbeat('d1'));
      await article.heartbeat('d1');
      return (await storyOf(fleet, 'd1')).length > 0;
    });
  });
});

describe('when the subscribed connection is lost', () => {
  const SLOW_RECONNECT = { ...DETECTOR_CLIENT, retryStrategy: () => 700 };

  test.each(['deadline', 'keyspace'] as const)(
    '%s: gives one notice of loss and return, and receives messages again',
    async (strategy) => {
      const { said, says, first } = await detector({ strategy });
      await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      await says('resumed');
      expect(said).toEqual(['lost', 'resumed']);
      const article = articleProgram(fleet.redis, 'node');
      await article.register('d1', 'lamp');
      await fleet.redis.srem(fleet.keys.registered, 'd1');
      await article.heartbeat('d1'); // must be received, because neither index nor audit contain it
      expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
    },
  );

  test('keyspace: finds what expires meanwhile through the index', async () => {
    await fleet.redis.config('SET', 'notify-keyspace-events', '');
    await onlineOutsideAudit('d1', 400);
    const { said, says, first } = await detector({ strategy: 'keyspace' }, redis, SLOW_RECONNECT);
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await says('lost');
    expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'offline', reason: 'timeout' }]);
    await says('resumed');
    expect(said).toEqual(['lost', 'resumed']);
  });

  test('gives one notice of loss and return, when the SUBSCRIBE times out', async () => {
    const { said, says } = await detector();
    const pauseMs = 800; // longer than the command timeout, so that the first SUBSCRIBE times out
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.call('CLIENT', 'PAUSE', pauseMs, 'ALL');
    await says('resumed');
    expect(said).toEqual(['lost', 'resumed']);
  });
});

describe('when the server refuses', () => {
  const limited = async (...rules: string[]) => {
    await fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);
  };

  /** Runs a detector as a user who may do everything, applies `change`, and returns the error that ends it. */
  async function endAfter(change: () => Promise<unknown>) {
    await limited('reset', 'on', '>pw', '~*', '&*', '+@all');
    const own = await openFleet(redis, {}, { ...DETECTOR_CLIENT, username: 'app', password: 'pw' });
    let markReady = () => {};
    const ready = new Promise<void>((resolve) => {
      markReady = resolve;
    });
    const run = async () => {
      for await (const _ of detect(own, { onReady: markReady }));
    };
    const running = run();
    await Promise.race([ready, running]);
    await change();
    const error = await failure(running);
    own.redis.disconnect();
    return error;
  }

  test.each<[what: string, change: () => Promise<unknown>, message: RegExp]>([
    ['the command EVALSHA', () => limited('-evalsha'), /^permission refused/],
    [
      'the command XADD in a script',
      async () => {
        await limited('-xadd');
        await online(1, () => 20);
      },
      /permission refused/,
    ],
    ['a key', () => limited('resetkeys', '~device:*'), /^permission refused/],
    ['the channel', () => limited('resetchannels'), /^permission refused/],
    [
      'the password',
      async () => {
        await limited('resetpass', '>other');
        await fleet.redis.client('KILL', 'USER', 'app');
      },
      /^wrong user name or password/,
    ],
    [
      'the password of the subscribed connection',
      async () => {
        await limited('resetpass', '>other');
        await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      },
      /^wrong user name or password/,
    ],
  ])('%s: the detector ends with an error', async (_what, change, message) => {
    expect(await endAfter(change)).toMatchObject({
      code: 'CONNECTION',
      message: expect.stringMatching(message),
    });
  });

  const countScriptCalls = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await fleet.redis.info('commandstats'))?.[1] ?? 0);

  test('writes, like a replica: it retries, and gives one notice of loss and return', async () => {
    const { said, says, first } = await detector({ honourHold: false });
    await online(1, () => 300);
    await fleet.redis.replicaof('127.0.0.1', 1);
    try {
      await says('lost');
      const attempts = await countScriptCalls();
      await until(async () => (await countScriptCalls()) > attempts + 4); // it retries
      expect(await storyOf(fleet, 'd0')).toEqual(['1 online heartbeat']);
    } finally {
      await fleet.redis.replicaof('NO', 'ONE');
    }
    await first(1);
    await says('resumed');
    expect(said.filter((line) => !line.startsWith('hold'))).toEqual(['lost', 'resumed']);
    expect(await storyOf(fleet, 'd0')).toEqual(ONLINE_THEN_TIMEOUT);
  });
});

test('retries once a second, when scripts fail at once and messages keep arriving', async () => {
  const own = await openFleet(redis, {}, DETECTOR_CLIENT);
  const opened = await openDetector(own);
  let attempts = 0;
  const stop = interceptCommands(own.redis, async ([name], send) => {
    if (name !== 'evalsha') return send();
    attempts += 1;
    throw new Error('MISCONF Redis is configured to save RDB snapshots');
  });
  await opened.says('lost');
  const article = articleProgram(fleet.redis, 'node');
  const startedAt = performance.now();
  for (let i = 0; i < 200; i++) await article.heartbeat(`d${i}`);
  // Each retry sends one script for due devices, and some for the devices of the messages.
  expect(attempts).toBeLessThan(10 * (2 + (performance.now() - startedAt) / 1000));
  stop();
  await opened.says('resumed');
});

test('yields an announced event, although reading the settings fails after it', async () => {
  const own = await openFleet(redis, {}, DETECTOR_CLIENT);
  const article = articleProgram(fleet.redis, 'node');
  await article.register('d1', 'lamp');
  await article.heartbeat('d1');
  const settings = own.settings.bind(own);
  Object.assign(own, {
    async settings() {
      if ((await storyOf(fleet, 'd1')).length === 0) return settings();
      Object.assign(own, { settings });
      throw new DevstateError('CONNECTION', 'timed out');
    },
  });
  const opened = await openDetector(own);
  await opened.says('lost');
  expect(await opened.first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
});

describe('when one of several scripts fails', () => {
  /** Makes the first script with this device fail with a timeout, after running `then`. */
  function failFirstScriptWith(
    { redis: client }: SingleFleet,
    id: string,
    then: () => Promise<unknown> = async () => {},
  ) {
    const stop = interceptCommands(client, async (words, send) => {
      if (!words.includes(id)) return send();
      stop();
      await then();
      throw new Error('MASTERDOWN Link with MASTER is down');
    });
  }

  test('yields the events of the other scripts, and those of the failed one after its retry', async () => {
    const ids = await online(5 * MAX_DEVICES_PER_SCRIPT, () => 20);
    await until(async () => (await fleet.redis.exists(...ids.map((id) => fleet.keys.heartbeat(id)))) === 0);
    const own = await openFleet(redis, {}, DETECTOR_CLIENT);
    failFirstScriptWith(own, 'd7');
    const { events, said, first, stop } = await openDetector(own);
    await first(ids.length);
    await stop();
    const timeouts = (await logOf(fleet)).filter(({ status }) => status === 'offline');
    expect(events.map(({ id }) => id).sort()).toEqual(timeouts.map(({ id }) => id).sort());
    expect(said).toEqual(['lost', 'resumed']);
  });

  test('a sweep yields the events of the other scripts, and then fails', async () => {
    const ids = await online(5 * MAX_DEVICES_PER_SCRIPT, () => 20);
    await until(async () => (await fleet.redis.exists(...ids.map((id) => fleet.keys.heartbeat(id)))) === 0);
    failFirstScriptWith(fleet, 'd7');
    let yielded = 0;
    const run = async () => {
      for await (const _ of sweep(fleet)) yielded += 1;
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONNECTION',
      message: 'this replica has lost its master',
    });
    expect(yielded).toBeGreaterThanOrEqual(4 * MAX_DEVICES_PER_SCRIPT);
    expect(yielded).toBeLessThan(ids.length);
  });

  test('the audit retries its slice', async () => {
    const article = articleProgram(fleet.redis, 'node');
    await article.register('d1', 'lamp');
    await article.heartbeat('d1');
    const own = await openFleet(redis, {}, DETECTOR_CLIENT);
    failFirstScriptWith(own, 'd1', () => fleet.redis.srem(fleet.keys.registered, 'd1')); // no later slice contains it
    const opened = await openDetector(own);
    expect(await opened.first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
  });
});
