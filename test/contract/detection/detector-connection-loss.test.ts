/** A detector whose connections are lost, or of no use: what may pass is waited for, and nothing is lost. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DetectOptions, detect, sweep } from '../../../src/core/detection/detector.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { articleProgram } from '../../support/article.js';
import { type OpenDetector, openDetector } from '../../support/detector.js';
import { failure, logOf, openFleet, storyOf, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
/** Comes back by itself, and notices a loss within moments. */
const CLIENT = { maxRetriesPerRequest: null, commandTimeout: 300, retryStrategy: () => 50 };
const BOTH = ['1 online heartbeat', '2 offline timeout'];

let fleet: Fleet;
let open: OpenDetector[];
beforeEach(async () => {
  fleet = await openFleet(redis);
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((detector) => detector.stop()));
});

/** On a connection of its own, as another process would be; ended with the test. */
async function detector(options: DetectOptions = {}, at = redis, client = CLIENT): Promise<OpenDetector> {
  const opened = await openDetector(await openFleet(at, fleet.options, client), options);
  open.push(opened);
  return opened;
}

async function online(count: number, ttl: (place: number) => number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `d${i}`);
  await Promise.all(ids.map((id) => register(fleet, id, 'lamp')));
  await heartbeats(
    fleet,
    ids.map((id, i) => ({ id, ttl: ttl(i) })),
  );
  return ids;
}

/** Known to the index, but not to the audit. */
async function unaudited(id: string, ttl: number): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
  await fleet.redis.srem(fleet.keys.registered, id);
}

describe('all of them', () => {
  const kept = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });

  test('the server dies and comes back: said once each, and who lapsed meanwhile is found', async () => {
    fleet = await openFleet(kept, {}, CLIENT);
    const { said, says, first } = await detector({}, kept);
    await online(2, (i) => (i === 0 ? 200 : 60_000));
    await kept.server.kill();
    await says('lost');
    await kept.server.restart();
    await says('resumed');
    expect(await first(1)).toMatchObject([{ deviceId: 'd0', status: 'offline' }]);
    expect(said.filter((line) => !line.startsWith('hold'))).toEqual(['lost', 'resumed']);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
  });

  test('its connections are killed: it goes on', async () => {
    const { first } = await detector();
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await online(1, () => 20);
    await first(1);
    const article = articleProgram(fleet.redis, 'node');
    await article.register('d1', 'lamp');
    await fleet.redis.srem(fleet.keys.registered, 'd1');
    await until(async () => {
      await article.heartbeat('d1'); // heard once it has subscribed again
      await fleet.redis.del(fleet.keys.heartbeat('d1'));
      await article.heartbeat('d1');
      return (await storyOf(fleet, 'd1')).length > 0;
    });
  });
});

describe('the one that it listens on', () => {
  const LATE = { ...CLIENT, retryStrategy: () => 700 };

  test.each(['deadline', 'keyspace'] as const)(
    '%s: said once each, and it listens again',
    async (strategy) => {
      const { said, says, first } = await detector({ strategy });
      await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      await says('resumed');
      expect(said).toEqual(['lost', 'resumed']);
      const article = articleProgram(fleet.redis, 'node');
      await article.register('d1', 'lamp');
      await fleet.redis.srem(fleet.keys.registered, 'd1');
      await article.heartbeat('d1'); // heard: neither the index nor the audit know of it
      expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
    },
  );

  test('keyspace: what expires meanwhile is found by the index', async () => {
    await fleet.redis.config('SET', 'notify-keyspace-events', '');
    await unaudited('d1', 400);
    const { said, says, first } = await detector({ strategy: 'keyspace' }, redis, LATE);
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await says('lost');
    expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'offline', reason: 'timeout' }]);
    await says('resumed');
    expect(said).toEqual(['lost', 'resumed']);
  });

  test('a command that nobody answers is another connection’s', async () => {
    const { said, says } = await detector();
    const pause = 800; // longer than the command timeout: the first SUBSCRIBE is given up
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.call('CLIENT', 'PAUSE', pause, 'ALL');
    await says('resumed');
    expect(said).toEqual(['lost', 'resumed']);
  });
});

describe('refused', () => {
  const limited = async (...rules: string[]) => {
    await fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);
  };

  /** A detector of a user who may do all: what ends it. */
  async function endAfter(change: () => Promise<unknown>) {
    await limited('reset', 'on', '>pw', '~*', '&*', '+@all');
    const own = await openFleet(redis, {}, { ...CLIENT, username: 'app', password: 'pw' });
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const run = async () => {
      for await (const _ of detect(own, { onReady: begin }));
    };
    const running = run();
    await Promise.race([begun, running]);
    await change();
    const error = await failure(running);
    own.redis.disconnect();
    return error;
  }

  test.each<[what: string, change: () => Promise<unknown>, message: RegExp]>([
    ['a command', () => limited('-evalsha'), /^permission refused/],
    [
      'a command within the script',
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
      'the password, where it listens',
      async () => {
        await limited('resetpass', '>other');
        await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      },
      /^wrong user name or password/,
    ],
  ])('%s: that is final', async (_what, change, message) => {
    expect(await endAfter(change)).toMatchObject({
      code: 'CONNECTION',
      message: expect.stringMatching(message),
    });
  });

  const scriptsRun = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await fleet.redis.info('commandstats'))?.[1] ?? 0);

  test('writes, as on a replica: that may pass, and is said once each', async () => {
    const { said, says, first } = await detector({ honourHold: false });
    await online(1, () => 300);
    await fleet.redis.replicaof('127.0.0.1', 1);
    try {
      await says('lost');
      const attempts = await scriptsRun();
      await until(async () => (await scriptsRun()) > attempts + 4); // it tries again
      expect(await storyOf(fleet, 'd0')).toEqual(['1 online heartbeat']);
    } finally {
      await fleet.redis.replicaof('NO', 'ONE');
    }
    await first(1);
    await says('resumed');
    expect(said.filter((line) => !line.startsWith('hold'))).toEqual(['lost', 'resumed']);
    expect(await storyOf(fleet, 'd0')).toEqual(BOTH);
  });
});

test('refused at once, and rung all the while: it tries again once a second', async () => {
  const own = await openFleet(redis, {}, CLIENT);
  const opened = await openDetector(own);
  open.push(opened);
  const { evalsha } = own.redis;
  let attempts = 0;
  Object.assign(own.redis, {
    async evalsha() {
      attempts += 1;
      throw new Error('MISCONF Redis is configured to save RDB snapshots');
    },
  });
  await opened.says('lost');
  const article = articleProgram(fleet.redis, 'node');
  const begun = performance.now();
  for (let i = 0; i < 200; i++) await article.heartbeat(`d${i}`);
  // A look, and some scripts of suspects.
  expect(attempts).toBeLessThan(10 * (2 + (performance.now() - begun) / 1000));
  Object.assign(own.redis, { evalsha });
  await opened.says('resumed');
});

test('what it announced is handed out though the settings cannot be read thereafter', async () => {
  const own = await openFleet(redis, {}, CLIENT);
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
  open.push(opened);
  await opened.says('lost');
  expect(await opened.first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
});

describe('one script of several fails', () => {
  /** The first script that is about this device is not answered; `then` comes before it is told. */
  function unanswered({ redis: client }: Fleet, id: string, then: () => Promise<unknown> = async () => {}) {
    const evalsha = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const failing = async (...args: unknown[]) => {
      if (!args.includes(id)) return evalsha(...args);
      Object.assign(client, { evalsha });
      await then();
      throw new Error('Command timed out');
    };
    Object.assign(client, { evalsha: failing });
  }

  test('what the others announced is handed out, and its own when it is done again', async () => {
    const ids = await online(5 * MAX_DEVICES_PER_SCRIPT, () => 20);
    await until(async () => (await fleet.redis.exists(...ids.map((id) => fleet.keys.heartbeat(id)))) === 0);
    const own = await openFleet(redis, {}, CLIENT);
    unanswered(own, 'd7');
    const { events, said, first, stop } = await openDetector(own);
    await first(ids.length);
    await stop();
    const lapses = (await logOf(fleet)).filter(({ status }) => status === 'offline');
    expect(events.map(({ id }) => id).sort()).toEqual(lapses.map(({ id }) => id).sort());
    expect(said).toEqual(['lost', 'resumed']);
  });

  test('so it is for a sweep, which then fails', async () => {
    const ids = await online(5 * MAX_DEVICES_PER_SCRIPT, () => 20);
    await until(async () => (await fleet.redis.exists(...ids.map((id) => fleet.keys.heartbeat(id)))) === 0);
    unanswered(fleet, 'd7');
    let found = 0;
    const run = async () => {
      for await (const _ of sweep(fleet)) found += 1;
    };
    expect(await failure(run())).toMatchObject({ code: 'CONNECTION', message: 'timed out' });
    expect(found).toBeGreaterThanOrEqual(4 * MAX_DEVICES_PER_SCRIPT);
    expect(found).toBeLessThan(ids.length);
  });

  test('the audit’s slice is looked at again', async () => {
    const article = articleProgram(fleet.redis, 'node');
    await article.register('d1', 'lamp');
    await article.heartbeat('d1');
    const own = await openFleet(redis, {}, CLIENT);
    unanswered(own, 'd1', () => fleet.redis.srem(fleet.keys.registered, 'd1')); // no other slice will hold it
    const opened = await openDetector(own);
    open.push(opened);
    expect(await opened.first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
  });
});
