/** A TCP proxy in front of Redis that holds back what the client sends, as a slow server or network does. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SlowServer {
  readonly url: string;
  /** From the first data that contains the text, holds back everything that clients send. */
  holdAt(text: string): void;
  /** Passes on what was held back, and everything after it. */
  release(): void;
  close(): void;
}

export async function slowServer(redisUrl: string): Promise<SlowServer> {
  const target = new URL(redisUrl);
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let holdText: string | undefined;
  let isHolding = false;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    upstream.pipe(client);
    client.on('data', (data) => {
      isHolding ||= holdText !== undefined && data.includes(holdText);
      const pass = () => void upstream.write(data);
      if (isHolding) held.push(pass);
      else pass();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    holdAt(text) {
      holdText = text;
    },
    release() {
      holdText = undefined;
      isHolding = false;
      for (const pass of held.splice(0)) pass();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
