/**
 * States in which a server refuses all commands, or all writes: the command line prints one error line and exits
 * with 5. It retries within the request timeout when the state can end without action.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { startServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { errorReply } from '../../support/faults/resp.js';
import {
  expired,
  openFleet,
  pretendDetector,
  type SingleFleet,
  snapshot,
  storyOf,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({
  port: true,
  args: ['--maxmemory-policy', 'noeviction', '--repl-diskless-sync-delay', '0'],
});
const devstate = cli(redis);

let admin: SingleFleet;
beforeEach(async () => {
  admin = await openFleet(redis);
  await register(admin, 'd1', 't');
  await heartbeat(admin, { id: 'd1' });
  await pretendDetector(admin);
});

const READ_COMMANDS = ['get d1', 'list', 'stats', 'history d1', 'watch-presence --since 1h --for 1ms'];
const WRITE_COMMANDS = ['register d2 --type t', 'heartbeat d1 --report a=1', 'set-desired d1 a=1', 'init'];

/** Runs a command line. The server's URL is replaced by URL in stderr. */
async function run(at: { url: string }, argv: string) {
  const { exit, stderr } = await cli(at).run(`${argv} -o name`);
  return { exit, stderr: stderr.replaceAll(at.url, 'URL') };
}

const succeeded = { exit: 0, stderr: expect.not.stringContaining('devstate: ') };
const refused = (message: string, hint: string) => ({
  exit: 5,
  stderr: expect.stringMatching(`^devstate: URL: (device "d[12]": )?${message}\nhint: ${hint}\n$`),
});

describe('a state that can end without action', () => {
  const STATES: [reply: string, message: string][] = [
    ['LOADING Redis is loading the dataset in memory', 'the server is still loading its data'],
    [
      'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
      'the server is busy with a script',
    ],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'the cluster is moving these keys'],
    ['CLUSTERDOWN Hash slot not served', 'the cluster is down'],
  ];

  test.each(STATES)('%s: the command is retried and succeeds', async (reply) => {
    for (const argv of [...READ_COMMANDS, ...WRITE_COMMANDS]) {
      const server = await useFakeServer({ forwardTo: redis.url });
      server.answer = () => (server.commands.length <= 4 ? errorReply(reply) : undefined);
      expect(await run(server, argv), argv).toEqual(succeeded);
    }
  });

  test.each(STATES)('%s: the command fails after the request timeout', async (reply, message) => {
    for (const argv of ['list', 'heartbeat d1', 'watch-presence']) {
      const server = await useFakeServer();
      server.answer = () => errorReply(reply);
      const started = performance.now();
      expect(await run(server, `${argv} --request-timeout 1s`), argv).toEqual({
        exit: 5,
        stderr: expect.stringMatching(`^devstate: URL: ${message}\nhint: .+\n$`),
      });
      expect(performance.now() - started).toBeLessThan(5000);
      expect(server.commands.length).toBeGreaterThan(2);
    }
  });

  test('BUSY by another client’s script: fails after the timeout, succeeds once the script is killed', async () => {
    await admin.redis.config('SET', 'busy-reply-threshold', '1');
    const other = await redis.client();
    const endless = failureOf(other.eval('while true do end', 0));
    await until(async () => (await failureOf(admin.redis.ping())).startsWith('BUSY'));
    onTestFailed(async () => void (await failureOf(admin.redis.script('KILL')))); // later tests use this server
    expect(await run(redis, 'heartbeat d1 --request-timeout 1s')).toEqual(
      refused('the server is busy with a script', 'try again in a moment'),
    );
    const waiting = run(redis, 'heartbeat d1');
    await admin.redis.script('KILL');
    expect(await waiting).toEqual(succeeded);
    expect(await endless).toMatch(/killed/);
  });
});

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: Error) => error.message,
  );
}

describe('a state that needs action: fails without retries', () => {
  test.each([
    [
      'NOREPLICAS Not enough good replicas to write.',
      'the server refuses writes because it has too few replicas',
    ],
    ['MASTERDOWN Link with MASTER is down', 'this replica has lost its master'],
  ])('%s', async (reply, message) => {
    const server = await useFakeServer();
    server.answer = () => errorReply(reply);
    expect(await run(server, 'get d1')).toEqual({
      exit: 5,
      stderr: expect.stringContaining(`: ${message}\n`),
    });
    expect(server.commands.length).toBeLessThan(5);
  });
});

describe('a state that refuses writes', () => {
  /** Expects that reads succeed, that writes are refused with this message and hint, and that nothing is written. */
  async function expectOnlyReads(at: { url: string }, message: string, hint: string): Promise<void> {
    const before = await snapshot(admin.redis);
    for (const argv of READ_COMMANDS) expect(await run(at, argv), argv).toEqual(succeeded);
    for (const argv of WRITE_COMMANDS) expect(await run(at, argv), argv).toEqual(refused(message, hint));
    expect(await snapshot(admin.redis)).toEqual(before);
  }

  test('out of memory; detect, disconnect and unregister still work', async () => {
    await register(admin, 'gone', 't');
    await heartbeat(admin, { id: 'gone', ttl: 20 });
    await expired(admin, 'gone');
    await admin.redis.config('SET', 'maxmemory', '1');
    try {
      await expectOnlyReads(
        redis,
        'the server is out of memory and refuses writes',
        'raise maxmemory or remove devices',
      );
      expect(await run(redis, 'detect --once')).toEqual(succeeded);
      expect(await storyOf(admin, 'gone')).toEqual(['1 online heartbeat', '2 offline timeout']);
      expect(await run(redis, 'disconnect d1')).toEqual(succeeded);
      expect(await run(redis, 'unregister d1 --yes')).toEqual(succeeded);
    } finally {
      await admin.redis.config('SET', 'maxmemory', '0');
    }
  });

  test('MISCONF, because the snapshot on disk failed', async () => {
    const dump = join(redis.server.dir, 'dump.rdb');
    mkdirSync(dump);
    writeFileSync(join(dump, 'in-the-way'), '');
    await admin.redis.config('SET', 'save', '3600 1000000');
    await admin.redis.bgsave();
    await until(async () => (await admin.redis.info('persistence')).includes('rdb_last_bgsave_status:err'));
    await expectOnlyReads(redis, 'the server refuses writes because it cannot save', "see the server's log");
    await admin.redis.config('SET', 'save', '');
  });

  test('a replica, with and without a link to its master', async () => {
    const { port } = new URL(redis.url);
    const args = ['--replicaof', `127.0.0.1 ${port}`, '--replica-serve-stale-data', 'no'];
    const replica = await startServer({ port: true, args });
    try {
      await until(async () => (await run(replica, 'get d1')).exit === 0);
      await expectOnlyReads(replica, 'this server is a replica and takes no writes', 'name the master');
      const direct = new Redis(replica.url);
      await direct.replicaof('127.0.0.1', 1);
      direct.disconnect();
      expect(await run(replica, 'get d1')).toEqual(
        refused('this replica has lost its master', 'name another server'),
      );
    } finally {
      await replica.stop();
    }
  });
});

test('fails with a hint, when maxclients is reached', async () => {
  const [, before] = (await admin.redis.config('GET', 'maxclients')) as [string, string];
  await admin.redis.config('SET', 'maxclients', '1');
  try {
    for (let i = 0; i < 10; i++) {
      expect(await run(redis, 'get d1')).toEqual({
        exit: 5,
        stderr:
          'devstate: cannot reach URL: the server takes no more connections\nhint: close others, or raise maxclients\n',
      });
    }
  } finally {
    await admin.redis.config('SET', 'maxclients', before);
  }
});

test('sends scripts again after SCRIPT FLUSH', async () => {
  const running = devstate.start('heartbeat d1 --every 5ms -o name');
  await running.lines('stdout', 2);
  await admin.redis.script('FLUSH');
  await running.lines('stdout', 6);
  expect(await running.stop()).toMatchObject({ exit: 0, stderr: '' });
});
