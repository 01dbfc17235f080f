/** No password is on an error, and nothing that a server says reaches the terminal raw. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { DevstateError } from '../../src/core/model/errors.js';
import { DeviceStateManager, OfflineDetector } from '../../src/index.js';
import { connect } from '../../src/redis/client.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { cli } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { errorReply } from '../support/faults/resp.js';
import { failure } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { type SentinelSet, startSentinels } from '../support/sentinel.js';

const WRONG = 'wr0ng-pa55word';
const redis = useRedis({ port: true });
let set: SentinelSet;
beforeAll(async () => {
  set = await startSentinels();
});
afterAll(() => set.stop());

/** All that a program might log of an error. */
function shown(error: unknown): string {
  const texts = [];
  for (let each = error; each instanceof Error; each = each.cause)
    texts.push(inspect(each, { depth: null, showHidden: true }), JSON.stringify(each), each.stack);
  return texts.join('\n');
}

async function connectFailure(url: string): Promise<DevstateError> {
  return failure(connect(parseTarget(url), { timeoutMs: 2000, signal: new AbortController().signal }));
}

describe('a wrong password is on no error', () => {
  const port = () => new URL(redis.url).port;

  test('one server', async () => {
    const error = await connectFailure(`redis://someone:${WRONG}@127.0.0.1:${port()}`);
    expect(error.message).toContain('wrong user name or password');
    expect(shown(error)).not.toContain(WRONG);
  });

  test('Sentinel', async () => {
    const error = await connectFailure(set.url.replace('s3same', WRONG));
    expect(error.message).toContain('wrong user name or password');
    expect(shown(error)).not.toContain(WRONG);
  });

  test('a server that quotes what it does not know', async () => {
    const server = await useFakeServer();
    server.answer = (words) =>
      errorReply(`ERR unknown command '${words[0]}', with args beginning with: ${words.slice(1)}`);
    const error = await connectFailure(server.url.replace('//', `//someone:${WRONG}@`));
    expect(shown(error)).not.toContain(WRONG);
    const { stderr } = await cli(server.url.replace('//', `//someone:${WRONG}@`)).run('list -v');
    expect(stderr).not.toContain(WRONG);
  });

  test('the library: a manager and a detector', async () => {
    const options = { host: '127.0.0.1', port: Number(port()), username: 'someone', password: WRONG };
    const manager = new DeviceStateManager(options, { requestTimeout: 1000 });
    onTestFinished(() => manager.close());
    expect(shown(await failure(manager.getDeviceState('one')))).not.toContain(WRONG);
    const detector = new OfflineDetector(options, { requestTimeout: 1000 });
    onTestFinished(() => detector.stop());
    expect(shown(await failure(detector.start()))).not.toContain(WRONG);
  });
});

describe('what a server says does not reach the terminal raw', () => {
  const ESCAPE = '\u001b]52;c;aGVsbG8=\u0007';

  /** Runs the work; returns all that was written to standard error by ioredis or by devstate. */
  async function writtenDuring(work: () => Promise<void>): Promise<string> {
    const texts: unknown[] = [];
    const spies = [
      ...(['log', 'warn', 'error', 'info'] as const).map((name) =>
        vi.spyOn(console, name).mockImplementation((...args) => void texts.push(...args)),
      ),
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
        texts.push(text);
        return true;
      }),
    ];
    try {
      await work();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return texts.join('\n');
  }

  test.each([
    ['INFO', `NOPERM ${ESCAPE}`],
    ['AUTH', `ERR Client sent AUTH, but no password is set ${ESCAPE}`],
    ['AUTH', `ERR AUTH <password> called without any password configured for the default user. ${ESCAPE}`],
    ['AUTH', `ERR wrong number of arguments for 'auth' command ${ESCAPE}`],
    ['SELECT', `ERR ${ESCAPE}`],
    ['SUBSCRIBE', `ERR ${ESCAPE}`],
    ['HMGET', `ERR ${ESCAPE}`],
  ])('the library, %s refused with %j', async (command, reply) => {
    const server = await useFakeServer({ forwardTo: redis.url });
    server.answer = (words) => (words[0] === command ? errorReply(reply) : undefined);
    const { port, hostname } = new URL(server.url);
    const options = { host: hostname, port: Number(port), username: 'default', password: 'pw', db: 1 };
    const written = await writtenDuring(async () => {
      const manager = new DeviceStateManager(options, { requestTimeout: 1000 });
      const unsubscribe = manager.subscribeToPresence(
        () => {},
        () => {},
      );
      await manager.getDeviceState('one').catch(() => {});
      unsubscribe();
      await manager.close();
    });
    expect(written).not.toContain('\u001b');
    if (command !== 'AUTH') expect(written).toBe(''); // what ioredis prints of a refused AUTH is a text of its own
  });

  test('the command line', async () => {
    const server = await useFakeServer({ forwardTo: redis.url });
    server.answer = (words) => (words[0] === 'HMGET' ? errorReply(`ERR ${ESCAPE}`) : undefined);
    const { stderr } = await cli(server).run('get one -v');
    expect(stderr).not.toContain('\u001b');
    expect(stderr).not.toContain('\u0007');
  });
});
