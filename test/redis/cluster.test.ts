/** Connections to a cluster: one error line within the timeout if there is none, and reconnecting. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { closeConnection } from '../../src/core/store/close-connection.js';
import type { Connection } from '../../src/core/store/connection.js';
import { Fleet } from '../../src/core/store/fleet.js';
import type { Link } from '../../src/core/store/link.js';
import { connect } from '../../src/redis/client.js';
import type { ConnectOptions } from '../../src/redis/connect-options.js';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { cli } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { array, bulk, errorReply, integer } from '../support/faults/resp.js';
import { failure, until } from '../support/fleet.js';
import { briefly, useRedis } from '../support/redis.js';
import { portOf } from '../support/sentinel.js';
import { startTls, type TlsServer } from '../support/tls.js';

const SECRET = 's3same';
const plain = useRedis({ port: true });
let node: PrivateServer;

/** A cluster of one node, which requires a password. */
beforeAll(async () => {
  const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--requirepass', SECRET];
  node = await startServer({ port: true, args });
  await within(async (redis) => {
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await redis.cluster('INFO')).includes('cluster_state:ok'));
  });
});
afterAll(() => node.stop());

const within = <T>(use: Parameters<typeof briefly<T>>[1]) =>
  briefly(node.url.replace('//', `//:${SECRET}@`), use);
const url = (login = `:${SECRET}@`) => `redis-cluster://${login}127.0.0.1:${portOf(node)}`;

async function opened(options: Partial<ConnectOptions> = {}, at = url()): Promise<Link> {
  const link = await connect(parseTarget(at), {
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...options,
  });
  onTestFinished(() => closeConnection(link.client));
  return link;
}

const ended = (connection: Connection) => until(() => connection.status === 'end');

describe('reports why it cannot connect', () => {
  async function session(at: string, options = '--request-timeout 5s'): Promise<string> {
    const { exit, stdout, stderr } = await cli(at).run(`get d1 ${options}`);
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    expect(stderr).not.toContain(SECRET);
    return stderr.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST').replace('devstate: cannot reach ', '');
  }

  test('no node is running', async () => {
    expect(await session('redis-cluster://127.0.0.1:1,127.0.0.1:2')).toBe(
      'redis-cluster://HOST,HOST: connection refused\nhint: start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none\n',
    );
  });

  test.each([
    ['', 'the server asks for a password\nhint: put it in REDISCLI_AUTH or in the URL of a context\n'],
    [`:not-${SECRET}@`, 'wrong user name or password\nhint: check REDISCLI_AUTH or the URL\n'],
    [`nobody:${SECRET}@`, 'wrong user name or password\nhint: check REDISCLI_AUTH or the URL\n'],
  ])('login %j', async (login, said) => {
    const user = login.startsWith('nobody') ? 'nobody@' : '';
    expect(await session(url(login))).toBe(`redis-cluster://${user}HOST: ${said}`);
  });

  test('a server that is not a cluster node', async () => {
    expect(await session(plain.url.replace('redis:', 'redis-cluster:'))).toBe(
      'redis-cluster://HOST: the server is not a cluster node\nhint: use redis:// for it\n',
    );
  });

  test('a node that has no slots, or no address', async () => {
    const lonely = await startServer({ port: true, args: ['--cluster-enabled', 'yes'] });
    onTestFinished(() => lonely.stop());
    const at = lonely.url.replace('redis:', 'redis-cluster:');
    expect(await session(at)).toBe(
      'redis-cluster://HOST: the cluster has no slots assigned\nhint: redis-cli --cluster create assigns them\n',
    );
    await briefly(lonely.url, (redis) => redis.call('CLUSTER', 'ADDSLOTS', '0'));
    expect(await session(at)).toBe(
      'redis-cluster://HOST: the node does not know its own address\nhint: set cluster-announce-ip, or join it to another node with CLUSTER MEET\n',
    );
  });

  test('TLS to a port without TLS', async () => {
    const at = url('').replace('redis-cluster:', 'rediss-cluster:');
    expect(await session(at, '--request-timeout 300ms')).toBe(
      'rediss-cluster://HOST: timed out\nhint: check that the server runs and the port uses TLS; for a port without TLS use redis-cluster://\n',
    );
  });

  test('nodes that never answer, within the timeout', async () => {
    const { port } = new URL((await useFakeServer()).url);
    const started = performance.now();
    expect(await session(`redis-cluster://127.0.0.1:${port}`, '--request-timeout 300ms')).toMatch(
      /^redis-cluster:\/\/HOST: timed out\n/,
    );
    expect(performance.now() - started).toBeLessThan(2000);
    // With a node that answers, those that do not cost no time.
    const both = url().replace('127.0.0.1', `127.0.0.1:${port},127.0.0.1`);
    expect(await (await opened({ timeoutMs: 1000 }, both)).client.ping()).toBe('PONG');
  });

  test('a node with a redis:// URL', async () => {
    const at = node.url.replace('//', `//:${SECRET}@`);
    const said = await cli(at).session('register d1 --type lamp');
    expect(said.replace(/127\.0\.0\.1:\d+/, 'HOST')).toBe(
      '! devstate: redis://HOST: this server is one node of a cluster\n! hint: name the cluster: redis-cluster://\nexit 5\n',
    );
  });

  test('a cluster that is down', async () => {
    await within((redis) => redis.cluster('DELSLOTS', 0));
    const said = await cli(url()).session('get d1 --request-timeout 300ms');
    await within((redis) => redis.cluster('ADDSLOTS', 0));
    expect(said.replace(/127\.0\.0\.1:\d+/, 'HOST')).toBe(
      '! devstate: redis-cluster://HOST: the cluster is down\n! hint: see redis-cli --cluster check\nexit 5\n',
    );
    await within((redis) => until(async () => (await redis.cluster('INFO')).includes('cluster_state:ok')));
  });

  test('the signal is already aborted', async () => {
    const end = AbortSignal.abort();
    expect(await failure(opened({ signal: end }))).toMatchObject({ code: 'CONNECTION' });
  });
});

test('needs neither INFO, CLIENT, CONFIG nor COMMAND', async () => {
  const user = ['SETUSER', 'gateway', 'on', '>pw', '~*', '&*', '-@all'];
  const allowed = ['+cluster|slots', '+hmget', '+ping', '+time'];
  await within(async (redis) => {
    await redis.call('ACL', ...user, ...allowed);
    await redis.acl('LOG', 'RESET');
  });
  const { client: cluster } = await opened({}, url('gateway:pw@'));
  expect(await cluster.hmget('devices:meta', 'partitions')).toHaveLength(1);
  const log = (await within((redis) => redis.acl('LOG'))) as string[][];
  const refused = log.map((entry) => entry[entry.indexOf('object') + 1]);
  expect(refused.filter((command) => command !== 'client|setname')).toEqual([]);
});

describe('a node that redirects to an address where nothing listens', () => {
  /** It says so of so many commands, and answers the next. */
  async function pretendNode(count: number): Promise<string> {
    let left = count;
    const server = await useFakeServer();
    const { port } = new URL(server.url);
    const slots = array(array(integer(0), integer(16383), array(bulk('127.0.0.1'), integer(Number(port)))));
    server.answer = ([name, subcommand]) => {
      if (name === 'CLUSTER' && subcommand?.toUpperCase() === 'SLOTS') return slots;
      return left-- > 0 ? errorReply('ASK 0 127.0.0.1:1') : bulk('hi');
    };
    return `redis-cluster://127.0.0.1:${port}`;
  }

  test('is asked again until it answers', async () => {
    const fleet = new Fleet(await opened({}, await pretendNode(3)));
    expect(await fleet.send(() => fleet.redis.get('k'))).toBe('hi');
  });

  test('is not asked after the timeout', async () => {
    const link = await opened({ timeoutMs: 500 }, await pretendNode(1_000_000));
    expect(await failure(new Fleet(link).send(() => link.client.get('k')))).toMatchObject({
      code: 'CONNECTION',
      message: 'connection lost',
    });
  });
});

describe('after all nodes have gone', () => {
  test('the client reconnects, and commands wait for it', async () => {
    let losses = 0;
    const link = await opened({ onLost: () => losses++ });
    const cluster = link.client;
    const fleet = new Fleet(link, { requestTimeout: 15_000 });
    await node.kill();
    const waiting = fleet.send(() => cluster.hset('h', { f: '1' }));
    await until(() => losses > 0);
    await node.restart();
    expect(await waiting).toBe(1);
    expect(await cluster.hget('h', 'f')).toBe('1');
  });

  test('waiting commands are rejected when the connection is closed', async () => {
    const stop = new AbortController();
    const links = [await opened(), await opened({ signal: stop.signal })] as const;
    const clusters = [links[0].client, links[1].client] as const;
    await node.kill();
    try {
      const waiting = links.map((link) => failure(new Fleet(link).send(() => link.client.get('k'))));
      for (const cluster of clusters) await until(() => cluster.status === 'reconnecting');
      const started = performance.now();
      closeConnection(clusters[0]);
      stop.abort();
      expect(await Promise.all(waiting)).toMatchObject([{ code: 'CONNECTION' }, { code: 'CONNECTION' }]);
      expect(performance.now() - started).toBeLessThan(2000);
      for (const cluster of clusters) await ended(cluster);
    } finally {
      await node.restart();
    }
  });
});

describe('behind TLS', () => {
  let made: Certificates;
  const servers: TlsServer[] = [];
  beforeAll(async () => {
    made = await makeCertificates();
    for (const [name, address] of [
      ['server', '127.0.0.1'],
      ['server', '127.0.0.2'], // its certificate is not valid for this address
      ['elsewhere', '127.0.0.1'],
    ] as const) {
      const args = ['--cluster-enabled', 'yes', '--tls-cluster', 'yes', '--cluster-announce-ip', address];
      const server = await startTls(made, name, { args: [...args, '--bind', '127.0.0.1', '127.0.0.2'] });
      servers.push(server);
      await briefly(server.url.replace('unix://', ''), (redis) =>
        redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383'),
      );
    }
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await made.remove();
  });

  test.each([
    ['127.0.0.1', 0, ''],
    ['localhost', 0, ''],
    ['localhost', 1, ''],
    ['127.0.0.1', 2, "TLS: the server's certificate is for another name"],
  ])('named %s, server %i', async (host, place, said) => {
    const { port } = servers[place] as TlsServer;
    const args = ['init', '--partitions', '64', '--ca', made.pem('ca'), '--url'];
    const { stdout, stderr } = await cli('').run([...args, `rediss-cluster://${host}:${port}`]);
    if (said === '')
      expect({ stdout, stderr }).toMatchObject({
        stdout: expect.stringContaining('64 partitions'),
        stderr: '',
      });
    else expect(stderr).toContain(said);
  });
});
