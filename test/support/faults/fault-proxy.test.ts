/** Each fault of the proxy, between plain sockets. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../fleet.js';
import { type FaultProxy, useFaultProxy } from './fault-proxy.js';
import type { Flow } from './flow.js';

interface End {
  readonly socket: Socket;
  /** What it has received. */
  text: string;
  /** `end` for a FIN, or the code of the error. A RST that arrives together with data is an `end` too in Node. */
  ended: string | undefined;
  chunks: number;
}

function end(socket: Socket): End {
  const here: End = { socket, text: '', ended: undefined, chunks: 0 };
  socket.on('data', (data) => {
    here.text += data;
    here.chunks += 1;
  });
  socket.on('end', () => {
    here.ended ??= 'end';
  });
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    here.ended ??= code;
  });
  return here;
}

/** A server whose connections the test reads and writes itself. */
async function plainServer(path?: string): Promise<{ url: string; ends: End[] }> {
  const ends: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void ends.push(end(socket)));
  await once(path ? server.listen(path) : server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const { socket } of ends) socket.destroy();
    server.close();
  });
  return {
    url: path ? `unix://${path}` : `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ends,
  };
}

async function dial(proxy: FaultProxy): Promise<End> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const client = end(socket);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return client;
}

interface Pair {
  proxy: FaultProxy;
  client: End;
  server: End;
  flow: Flow;
}

async function connected(): Promise<Pair> {
  const { url, ends } = await plainServer();
  const proxy = await useFaultProxy(url);
  return { proxy, ...(await another(proxy, ends)) };
}

async function another(proxy: FaultProxy, ends: readonly End[]): Promise<Omit<Pair, 'proxy'>> {
  const before = ends.length;
  const client = await dial(proxy);
  await until(() => ends.length > before);
  return { client, server: ends[before] as End, flow: proxy.flows.at(-1) as Flow };
}

test('passes on bytes and FINs in both directions, and counts the bytes', async () => {
  const { proxy, client, server, flow } = await connected();
  client.socket.end('ping');
  await until(() => server.ended === 'end');
  server.socket.end('pong!');
  await until(() => client.ended === 'end');
  expect([server.text, client.text]).toEqual(['ping', 'pong!']);
  expect([flow.toServer.passed, flow.toClient.passed, flow.hasSwallowed]).toEqual([4, 5, false]);
  await proxy.until(() => proxy.open.length === 0);
});

test('passes on a RST in both directions', async () => {
  const one = await connected();
  one.client.socket.resetAndDestroy();
  await until(() => one.server.ended === 'ECONNRESET');
  const other = await connected();
  other.server.socket.resetAndDestroy();
  await until(() => other.client.ended === 'ECONNRESET');
});

test('stands before a unix socket', async () => {
  const { url, ends } = await plainServer(join(tmpdir(), `fault-proxy-${process.pid}.sock`));
  const { client, server } = await another(await useFaultProxy(url), ends);
  client.socket.write('hello');
  await until(() => server.text === 'hello');
  client.socket.resetAndDestroy();
  await until(() => server.socket.destroyed || server.ended !== undefined);
});

test('keeps login and database in the URL', async () => {
  const proxy = await useFaultProxy('redis://user:p%40ss@127.0.0.1:6379/3');
  expect(proxy.url).toBe(`redis://user:p%40ss@127.0.0.1:${proxy.port}/3`);
});

test('delay and jitter hold each chunk, and keep the order', async () => {
  const { proxy, client, server, flow } = await connected();
  flow.set({ delayMs: 50, jitterMs: 50 }, 'toServer');
  const startedAt = performance.now();
  for (const [index, part] of ['ab', 'cd', 'ef', 'gh'].entries()) {
    client.socket.write(part);
    await proxy.until(() => flow.toServer.seen === 2 * index + 2);
  }
  await until(() => server.text.length === 8);
  expect(server.text).toBe('abcdefgh');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(48); // a timer may be early by 1 ms
  server.socket.write('at once');
  await until(() => client.text === 'at once');
});

test('a byte at a time', async () => {
  const { client, server, flow } = await connected();
  flow.set({ byteEveryMs: 5 }, 'toClient');
  server.socket.write('0123456789');
  await until(() => client.text === '0123456789');
  expect(client.chunks).toBeGreaterThan(3);
});

describe('swallow', () => {
  test('in one direction leaves the other one alone', async () => {
    const { proxy, client, server, flow } = await connected();
    flow.set({ swallow: true }, 'toClient');
    client.socket.write('question');
    await until(() => server.text === 'question');
    server.socket.write('answer');
    await proxy.until(() => flow.toClient.pending === 6);
    expect(client.text).toBe('');
  });

  test('when the path returns, a write arrives late, though its sender was reset', async () => {
    const { proxy, client, server, flow } = await connected();
    proxy.set({ swallow: true });
    client.socket.write('write');
    await proxy.until(() => flow.toServer.pending === 5);
    client.socket.resetAndDestroy();
    await proxy.until(() => flow.clientClosed);
    expect([server.text, server.ended]).toEqual(['', undefined]);
    proxy.set({ swallow: false });
    await until(() => server.ended !== undefined);
    expect(server.text).toBe('write');
  });

  test('applies to new flows if it was set for all', async () => {
    const { url, ends } = await plainServer();
    const proxy = await useFaultProxy(url);
    proxy.set({ swallow: true }, 'toServer');
    const { client, server } = await another(proxy, ends);
    client.socket.write('x');
    await proxy.until(() => proxy.flows.some((flow) => flow.hasSwallowed));
    expect(server.text).toBe('');
  });

  test('can begin with a chunk that contains a text', async () => {
    const { proxy, client, server, flow } = await connected();
    proxy.onData = (each, chunk, direction) => {
      if (chunk.includes('EVALSHA')) each.set({ swallow: true }, direction);
    };
    client.socket.write('PING');
    await until(() => server.text === 'PING');
    client.socket.write('EVALSHA');
    await proxy.until(() => flow.toServer.pending === 7);
    expect(server.text).toBe('PING');
  });
});

test.each([['end'], ['reset']] as const)(
  'half-open: the server does not see the client’s %s',
  async (how) => {
    const { proxy, client, server, flow } = await connected();
    flow.set({ halfOpen: true }, 'toServer');
    if (how === 'end') client.socket.end('last');
    else {
      client.socket.write('last');
      await until(() => server.text === 'last');
      client.socket.resetAndDestroy();
      await proxy.until(() => flow.clientClosed);
    }
    await until(() => server.text === 'last');
    server.socket.write('still here');
    await proxy.until(() => flow.toClient.seen === 10);
    expect([server.ended, flow.serverClosed]).toEqual([undefined, false]);
  },
);

test.each(['reset', 'end'] as const)('cut by %s after some bytes of a reply', async (by) => {
  const { client, server, flow } = await connected();
  flow.set({ cut: { bytes: 3, by } }, 'toClient');
  server.socket.write('ab');
  await until(() => client.text === 'ab');
  server.socket.write('cdef');
  await until(() => client.ended !== undefined && server.ended !== undefined);
  if (by === 'end') expect([client.text, client.ended, server.ended]).toEqual(['abc', 'end', 'end']);
  else expect(server.ended).toBe('ECONNRESET');
});

test('refused connections fail; existing ones go on, and new ones after it', async () => {
  const { url, ends } = await plainServer();
  const proxy = await useFaultProxy(url);
  const existing = await another(proxy, ends);
  proxy.refuse();
  await expect(dial(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  existing.client.socket.write('x');
  await until(() => existing.server.text === 'x');
  await proxy.accept();
  await another(proxy, ends);
});

test('held connections reach the server when they are accepted', async () => {
  const { url, ends } = await plainServer();
  const proxy = await useFaultProxy(url);
  proxy.hold();
  const client = await dial(proxy);
  client.socket.write('early');
  expect([ends.length, proxy.flows.length]).toEqual([0, 0]);
  await proxy.accept();
  await until(() => ends[0]?.text === 'early');
});

test('a black hole takes the existing flows only, for ever', async () => {
  const { url, ends } = await plainServer();
  const proxy = await useFaultProxy(url);
  const dead = await another(proxy, ends);
  expect(proxy.blackHole()).toEqual([dead.flow]);
  const alive = await another(proxy, ends);
  dead.client.socket.end('lost');
  alive.client.socket.write('found');
  await until(() => alive.server.text === 'found');
  await proxy.until(() => dead.flow.toServer.seen === 4);
  proxy.set({ swallow: false });
  expect([dead.server.text, dead.server.ended]).toEqual(['', undefined]);
});

test('a server that is away resets the client', async () => {
  const { url } = await plainServer();
  const { port } = new URL(url);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const free = (server.address() as AddressInfo).port;
  server.close();
  const proxy = await useFaultProxy(url.replace(port, String(free)));
  const client = await dial(proxy);
  await until(() => client.ended === 'ECONNRESET');
});

test('a flow is reset on both sides', async () => {
  const { client, server, proxy } = await connected();
  proxy.reset();
  await until(() => client.ended === 'ECONNRESET' && server.ended === 'ECONNRESET');
});
