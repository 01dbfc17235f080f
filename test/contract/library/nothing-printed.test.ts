/** Whatever fails while the library connects, it rejects, and neither it nor ioredis prints anything. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ClientOptions, DeviceStateManager } from '../../../src/index.js';
import { type FakeServer, useFakeServer } from '../../support/faults/fake-server.js';
import { errorReply, NIL } from '../../support/faults/resp.js';
import { failure } from '../../support/fleet.js';
import { briefly, useRedis } from '../../support/redis.js';
import { collectUncaught } from '../../support/uncaught.js';

const redis = useRedis();
const PASSWORD = 'secret';

/** Collects what reaches stdout and stderr until the end of the test. */
function collectPrinted(): unknown[] {
  const printed: unknown[] = [];
  const note = (...args: unknown[]) => {
    printed.push(args);
    return true;
  };
  const spies = [
    ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name)),
    vi.spyOn(process.stdout, 'write'),
    vi.spyOn(process.stderr, 'write'),
  ];
  for (const spy of spies) spy.mockImplementation(note as never);
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  return printed;
}

const refusing = (command: string) => (server: FakeServer) => {
  server.answer = ([name]) => (name === command ? errorReply('NOPERM \u001b]52;c;eA==\u0007') : undefined);
};

test.each<[what: string, options: ClientOptions, prepare: (server: FakeServer) => void, fails: boolean]>([
  ['a password, though the server requires none', { password: PASSWORD }, () => {}, false],
  ['a wrong password', { username: 'limited', password: 'wrong' }, () => {}, true],
  ['a refused INFO', {}, refusing('INFO'), false],
  ['a refused CLIENT', { connectionName: 'mine' }, refusing('CLIENT'), false],
  ['a refused SELECT', { db: 3 }, refusing('SELECT'), true],
  ['a database that does not exist', { db: 4000 }, () => {}, true],
  ['a refused TIME', {}, refusing('TIME'), true],
  ['a refused AUTH', { password: PASSWORD }, refusing('AUTH'), true],
  [
    'rubbish',
    {},
    (server) => {
      server.answer = () => 'HTTP/1.1 400 Bad Request\r\n\r\n';
    },
    true,
  ],
  [
    'nil for everything',
    {},
    (server) => {
      server.answer = () => NIL;
    },
    true,
  ],
  ['a closed port', {}, (server) => server.close(), true],
])('%s', async (_what, options, prepare, fails) => {
  const uncaught = collectUncaught();
  await briefly(redis.url, (admin) => admin.call('ACL', 'SETUSER', 'limited', 'on', `>${PASSWORD}`, '+@all'));
  const server = await useFakeServer({ forwardTo: redis.url });
  prepare(server);
  const printed = collectPrinted();
  const { port } = new URL(server.url);
  const manager = new DeviceStateManager(
    { host: '127.0.0.1', port: Number(port), ...options },
    { requestTimeout: 800 },
  );
  onTestFinished(() => manager.close());
  const outcome = await manager.getDeviceState('d1').catch((error: unknown) => error);
  if (fails) {
    expect(outcome).toMatchObject({ name: 'DevstateError', code: 'CONNECTION' });
    expect(await failure(manager.getDeviceState('d1'))).toMatchObject({ code: 'CONNECTION' });
  } else expect(outcome).toBeNull();
  expect(printed).toEqual([]);
  expect(uncaught).toEqual({ thrown: [], rejected: [] });
});
