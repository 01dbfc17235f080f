/** TLS: which certificates are accepted, with which files, and the error of each failure. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import tls, { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DeviceStateManager } from '../../src/index.js';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { cli } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { useFaultProxy } from '../support/faults/fault-proxy.js';
import { array, bulk } from '../support/faults/resp.js';
import { until } from '../support/fleet.js';
import { startTls, type TlsServer } from '../support/tls.js';
import { collectUncaught } from '../support/uncaught.js';

let made: Certificates;
let plain: PrivateServer;
const servers: Record<string, TlsServer> = {};

beforeAll(async () => {
  [made, plain] = await Promise.all([makeCertificates(), startServer({ port: true })]);
  servers.open = await startTls(made, 'server');
  servers.asking = await startTls(made, 'server', { clients: 'yes' });
  for (const name of ['expired', 'elsewhere', 'self-signed'] as const)
    servers[name] = await startTls(made, name);
});
afterAll(async () => {
  await Promise.all([plain, ...Object.values(servers)].map((server) => server?.stop()));
  await made.remove();
});

const devstate = cli('redis://127.0.0.1:1');

/** Splits a command line, and replaces server names by ports (`rediss://localhost:open`) and `@ca` by a path. */
function filled(text: string): string[] {
  return text
    .replace(/(?<=\/\/[\w.:@]+:)[a-z-]+/g, (name) => String(servers[name]?.port ?? new URL(plain.url).port))
    .replace(/(?<= )@([\w.-]+)/g, (_, name: string) => made.path(name))
    .split(' ');
}

async function session(argv: string): Promise<string> {
  const said = await devstate.session(filled(argv));
  return said.replace(/(127\.0\.0\.1|localhost):\d+/g, '$1').replaceAll(made.path('/'), '@');
}

describe('connects', () => {
  test.each([
    '--url rediss://127.0.0.1:open --ca @ca.pem',
    '--url rediss://localhost:open --ca @ca.pem',
    '--url rediss://127.0.0.1:open --insecure',
    '--url rediss://127.0.0.1:elsewhere --insecure',
    '--url rediss://127.0.0.1:self-signed --ca @self-signed.pem',
    '--url rediss://127.0.0.1:asking --ca @ca.pem --cert @client.pem --key @client.key',
  ])('%s', async (connection) => {
    expect(await session(`register d1 --type t ${connection}`)).toMatch(/^d1 (registered|updated)\n$/);
    // The feed opens a connection of its own: it must use the same files.
    expect(await session(`watch-presence --for 1ms -q ${connection}`)).toBe('');
  });
});

describe('reports why it cannot connect', () => {
  const NOBODY =
    "TLS: the server's certificate is not signed by a trusted authority\n! hint: name its authority with --ca";
  const ELSEWHERE =
    "TLS: the server's certificate is for another name\n! hint: name the server as its certificate does";
  const REFUSED =
    'TLS: the server refuses the client certificate\n! hint: see whether it has expired, and whether the server trusts its authority';
  const HUNG_UP =
    'the server closed the connection without an answer\n! hint: for a port with TLS use rediss://';

  test.each<[connection: string, said: string]>([
    ['rediss://127.0.0.1:open', NOBODY],
    ['rediss://127.0.0.1:open --ca @other-ca.pem', NOBODY],
    ['rediss://127.0.0.1:self-signed --ca @ca.pem', NOBODY],
    [
      'rediss://127.0.0.1:expired --ca @ca.pem',
      "TLS: the server's certificate has expired\n! hint: renew it on the server",
    ],
    ['rediss://127.0.0.1:elsewhere --ca @ca.pem', ELSEWHERE],
    ['rediss://localhost:elsewhere --ca @ca.pem', ELSEWHERE],
    [
      'rediss://127.0.0.1:asking --ca @ca.pem',
      'TLS: the server asks for a client certificate\n! hint: give it with --cert and --key',
    ],
    ['rediss://127.0.0.1:asking --ca @ca.pem --cert @stranger.pem --key @stranger.key', REFUSED],
    ['rediss://127.0.0.1:asking --ca @ca.pem --cert @expired.pem --key @expired.key', REFUSED],
    ['redis://127.0.0.1:open', HUNG_UP],
    [
      'rediss://127.0.0.1:plain --ca @ca.pem --request-timeout 300ms',
      'timed out\n! hint: check that the server runs and the port uses TLS; for a port without TLS use redis://',
    ],
  ])('%s', async (connection, said) => {
    const host = /^\w+:\/\/[\w.]+/.exec(connection)?.[0];
    for (const argv of ['get d1', 'watch-presence', 'heartbeat d1 --every 1s', 'register d1 --type t'])
      expect(await session(`${argv} --url ${connection}`)).toBe(
        `! devstate: cannot reach ${host}: ${said}\nexit 5\n`,
      );
  });

  test('the error does not contain a password that was sent to a TLS port', async () => {
    const { stderr } = await devstate.run(filled('get d1 -vv --url redis://:s3same@127.0.0.1:open/3'));
    expect(stderr).toContain('the server closed the connection without an answer');
    expect(stderr).not.toContain('s3same');
  });

  test('a port without TLS that answers with plain text', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('-ERR what?\r\n'));
    onTestFinished(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await session(`get d1 --url rediss://127.0.0.1:${port} --insecure`)).toBe(
      '! devstate: cannot reach rediss://127.0.0.1: TLS: the server does not use TLS on this port\n! hint: connect to it with redis://\nexit 5\n',
    );
  });
});

describe('files are checked before connecting', () => {
  test.each<[options: string, said: string]>([
    ['rediss://127.0.0.1:1 --ca @no.pem', '--ca "@no.pem": no such file'],
    ['rediss://127.0.0.1:1 --ca @junk', '--ca "@junk": it contains no certificate in PEM form'],
    ['rediss://127.0.0.1:1 --ca @ca.key', '--ca "@ca.key": it contains no certificate in PEM form'],
    [
      'rediss://127.0.0.1:1 --cert @junk --key @ca.key',
      '--cert "@junk": it contains no certificate in PEM form',
    ],
    [
      'rediss://127.0.0.1:1 --cert @ca.pem --key @junk',
      '--key "@junk": it contains no private key in PEM form',
    ],
    ['rediss://127.0.0.1:1 --cert @ca.pem --key @no', '--key "@no": no such file'],
    [
      'rediss://127.0.0.1:1 --cert @ca.pem --key @client.key',
      '--key "@client.key": it does not match the certificate',
    ],
    ['rediss://127.0.0.1:1 --cert @ca.pem', '--cert and --key must be given together'],
    ['rediss://127.0.0.1:1 --key @ca.key', '--cert and --key must be given together'],
    [
      'redis://127.0.0.1:1 --ca @ca.pem',
      '--ca, --cert, --key and --insecure are for TLS\n! hint: use a rediss:// URL',
    ],
    [
      'unix:///no/such.sock --insecure',
      '--ca, --cert, --key and --insecure are for TLS\n! hint: use a rediss:// URL',
    ],
  ])('%s', async (options, said) => {
    writeFileSync(made.path('junk'), 'no certificate');
    expect(await session(`get d1 --url ${options}`)).toBe(`! devstate: ${said}\nexit 2\n`);
  });
});

test('all connections of a command line share one context', async () => {
  const made = vi.spyOn(tls, 'createSecureContext');
  syncBuiltinESMExports();
  onTestFinished(() => {
    made.mockRestore();
    syncBuiltinESMExports();
  });
  await session('watch-presence --for 1ms -q --url rediss://127.0.0.1:open --ca @ca.pem');
  expect(made).toHaveBeenCalledTimes(1);
});

test('SNI has the name of the URL', async () => {
  const names: (string | false | null)[] = [];
  const pair = { cert: readFileSync(made.pem('server')), key: readFileSync(made.key('server')) };
  const server = createTlsServer(pair, (socket) => {
    names.push(socket.servername);
    socket.on('error', () => {}).end('+PONG\r\n');
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  for (const host of ['localhost', '127.0.0.1'])
    await session(`get d1 --url rediss://${host}:${port} --ca @ca.pem`);
  expect(names).toEqual(['localhost', false]);
});

test('a master that was found by the Sentinel connector of ioredis falls silent: it is connected to again', async () => {
  const uncaught = collectUncaught();
  const proxy = await useFaultProxy(`rediss://127.0.0.1:${servers.open?.port}`);
  const sentinel = await useFakeServer();
  sentinel.answer = (words) =>
    /get-master-addr/i.test(words[1] ?? '') ? array(bulk('127.0.0.1'), bulk(String(proxy.port))) : array();
  const manager = new DeviceStateManager(
    {
      sentinels: [{ host: '127.0.0.1', port: Number(new URL(sentinel.url).port) }],
      name: 'm',
      natMap: {}, // only this connector knows it
      enableTLSForSentinelMode: true,
      tls: { ca: readFileSync(made.pem('ca')) },
    },
    { requestTimeout: 1000 },
  );
  onTestFinished(() => manager.close());
  await manager.registerDevice('silent', 'lamp');
  proxy.blackHole();
  await until(async () => (await manager.getDeviceState('silent').catch(() => null)) !== null);
  expect(proxy.flows.length).toBeGreaterThan(1);
  expect(uncaught).toEqual({ thrown: [], rejected: [] });
});
