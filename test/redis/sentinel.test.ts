/** Sentinel: the current master is found by its name, failovers are followed, and failures are reported in time. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { PrivateServer } from '../../src/redis/private-server.js';
import { makeCertificates } from '../support/certificates.js';
import { cli } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { until } from '../support/fleet.js';
import {
  ask,
  MASTER_NAME,
  PASSWORD,
  portOf,
  pretendSentinel,
  type SentinelSet,
  startSentinels,
} from '../support/sentinel.js';
import { startTls } from '../support/tls.js';

let set: SentinelSet;
let master: PrivateServer;
beforeAll(async () => {
  set = await startSentinels();
});
beforeEach(async () => {
  await set.settled();
  master = (await set.master()) as PrivateServer;
  await ask(master, 'FLUSHALL');
});
afterAll(() => set.stop());

const devstate = cli({
  get url() {
    return set.url;
  },
});
const other = () => set.servers.find((server) => server !== master) as PrivateServer;
const takenOver = () => until(async () => (await set.master()) === other());

/** The output without ports; fails if it contains a password. */
function shown(text: string): string {
  expect(text).not.toContain(PASSWORD);
  return text.replace(/127\.0\.0\.1:\d+/g, 'HOST');
}

describe('the master', () => {
  test('is found and written to', async () => {
    expect(shown(await devstate.session('register d1 --type t -v'))).toBe(
      `d1 registered\n! connected to redis-sentinel://HOST,HOST,HOST#${MASTER_NAME}\n`,
    );
    expect(await ask(master, 'HGET', 'device:state:d1', 'deviceType')).toBe('t');
  });

  test('in another database, and with the password of REDISCLI_AUTH', async () => {
    const url = set.url.replace(`:${PASSWORD}@`, '').replace('#', '/3#');
    const env = { DEVSTATE_URL: url, REDISCLI_AUTH: PASSWORD };
    expect(await devstate.session('register d1 --type t', { env })).toBe('d1 registered\n');
    expect(await ask(master, 'EXISTS', 'device:state:d1')).toBe(0);
  });

  test('is found although one sentinel is down', async () => {
    const url = set.url.replace('@', '@127.0.0.1:1,').replace('#', ',no-such-host.invalid#');
    expect(await devstate.session('list -q', { env: { DEVSTATE_URL: url } })).toBe('');
  });

  test('is asked for again if an outdated sentinel names a replica', async () => {
    const port = await pretendSentinel([portOf(other()), portOf(master)]);
    const url = `redis-sentinel://:${PASSWORD}@127.0.0.1:${port}#any`;
    expect(await devstate.session('register d1 --type t', { env: { DEVSTATE_URL: url } })).toBe(
      'd1 registered\n',
    );
  });

  test('is connected to by TLS, as the sentinels are', async () => {
    const made = await makeCertificates();
    const server = await startTls(made, 'server', { clients: 'yes' });
    onTestFinished(async () => {
      await server.stop();
      await made.remove();
    });
    const pair = { cert: readFileSync(made.pem('server')), key: readFileSync(made.key('server')) };
    const ca = readFileSync(made.pem('ca'));
    const port = await pretendSentinel([String(server.port)], { ...pair, ca, requestCert: true });
    const argv = `register d1 --type t --url rediss-sentinel://localhost:${port}#any`;
    const client = `--cert ${made.pem('client')} --key ${made.key('client')}`;
    expect(await devstate.session(`${argv} --ca ${made.pem('ca')} ${client}`)).toBe('d1 registered\n');
    expect(await devstate.session(argv)).toContain('not signed by a trusted authority');
  });
});

describe('a failover', () => {
  /** Makes the former master a replica at once: Sentinel does this only after a while. */
  const follow = async () => void (await ask(master, 'REPLICAOF', '127.0.0.1', portOf(other())));
  const rejoin = async () => {
    await master.restart();
    await follow();
  };

  /** Starts heartbeats, a watcher and a detector, which run until the end of the test. */
  async function startAll() {
    await devstate.run('register d1 --type t');
    const watching = devstate.start('watch-presence -o name');
    const detecting = devstate.start('detect -o name');
    onTestFinished(async () => {
      for (const running of [watching, detecting]) await running.stop();
    });
    await watching.says('stderr', 'watching');
    await detecting.says('stderr', 'detecting');
    const beating = devstate.start('heartbeat d1 --every 50ms');
    onTestFinished(async () => void (await beating.stop()));
    await beating.lines('stdout', 2);
    return { beating, watching, detecting };
  }

  async function expectAllContinue({ beating, watching, detecting }: Awaited<ReturnType<typeof startAll>>) {
    await beating.says('stderr', 'reconnected');
    await devstate.run('heartbeat d2 --register --type t --ttl 100ms');
    await detecting.says('stdout', 'd2'); // found offline, on the new master
    expect(await watching.lines('stdout', 3)).toEqual(['d1', 'd2', 'd2']);
    expect(await ask(other(), 'EXISTS', 'device:heartbeat:d1')).toBe(1);
  }

  test('of a master that dies: running commands follow it, and new ones wait for it', async () => {
    const all = await startAll();
    await master.kill();
    onTestFinished(rejoin);
    const away = 'the master named by the sentinels cannot be reached: connection refused';
    expect(shown(await devstate.session('heartbeat d1 --request-timeout 500ms'))).toBe(
      `! devstate: cannot reach redis-sentinel://HOST,HOST,HOST#${MASTER_NAME}: ${away}\n! hint: during a failover, raise --request-timeout\nexit 5\n`,
    );
    expect((await devstate.run('heartbeat d1 --request-timeout 15s -o name')).stdout).toBe('d1\n');
    await takenOver();
    await expectAllContinue(all);
  });

  test('of a master that hangs: the same', async () => {
    const all = await startAll();
    process.kill(master.pid, 'SIGSTOP');
    onTestFinished(() => {
      process.kill(master.pid, 'SIGCONT');
      return follow();
    });
    await takenOver();
    await expectAllContinue(all);
  });

  test('during a command', async () => {
    const running = devstate.start('register -f - --type t -o ndjson --request-timeout 15s', { tty: true });
    running.stdin.write('{"deviceId":"d1"}\n');
    await running.lines('stdout', 1);
    await master.kill();
    onTestFinished(rejoin);
    running.stdin.end('{"deviceId":"d2"}\n');
    expect(await running.done).toMatchObject({ exit: 0, stdout: expect.stringContaining('d2') });
    expect(await ask(other(), 'EXISTS', 'device:state:d2')).toBe(1);
  });
});

describe('reports why it cannot connect', () => {
  const CANNOT = '! devstate: cannot reach redis-sentinel://HOST';

  async function session(url: string, timeout = '5s'): Promise<string> {
    const run = await devstate.session(`get d1 --request-timeout ${timeout}`, { env: { DEVSTATE_URL: url } });
    return shown(run);
  }

  test('an unknown master name', async () => {
    expect(await session(set.url.replace(MASTER_NAME, 'nope'))).toBe(
      `${CANNOT},HOST,HOST#nope: the sentinels know no master named "nope"\n! hint: the URL names the master after the #; SENTINEL MASTERS lists the known ones\nexit 5\n`,
    );
  });

  test('no sentinel is running', async () => {
    expect(await session(`redis-sentinel://:${PASSWORD}@127.0.0.1:1,127.0.0.1:2#m`)).toBe(
      `${CANNOT},HOST#m: no sentinel answers: connection refused\n! hint: check that they run at the addresses in the URL\nexit 5\n`,
    );
  });

  test('sentinels that never answer, within the timeout', async () => {
    const { port } = new URL((await useFakeServer()).url);
    const started = performance.now();
    expect(await session(`redis-sentinel://127.0.0.1:${port},127.0.0.1:${port}#m`, '300ms')).toBe(
      `${CANNOT},HOST#m: no sentinel answers: timed out\n! hint: check that they run at the addresses in the URL\nexit 5\n`,
    );
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test.each([
    ['', 'the server asks for a password\n! hint: put it in REDISCLI_AUTH or in the URL of a context'],
    [`:not-${PASSWORD}@`, 'wrong user name or password\n! hint: check REDISCLI_AUTH or the URL'],
  ])('login %j', async (login, said) => {
    expect(await session(set.url.replace(`:${PASSWORD}@`, login))).toBe(
      `${CANNOT},HOST,HOST#${MASTER_NAME}: ${said}\nexit 5\n`,
    );
  });

  test('a server that is not a sentinel', async () => {
    const url = `redis-sentinel://:${PASSWORD}@127.0.0.1:${portOf(master)}#m`;
    expect(await session(url)).toMatch(
      /^! devstate: cannot reach redis-sentinel:\/\/HOST#m: the server is not a sentinel: ERR unknown command/,
    );
  });
});
