/** A proxy before a redis-server that answers each command itself with an error while `refusal` is set. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RefusingProxy {
  readonly url: string;
  /** The number of commands that it has refused. */
  readonly refused: number;
  /** The error reply to each command; undefined: commands are passed on to the server. */
  refusal: string | undefined;
  /** Called after each refused command; it may change `refusal` for the next one. */
  onRefused: () => void;
}

/** @param url of a server on a port. The proxy is closed when the test has finished. */
export async function refusingProxy(url: string, refusal: string): Promise<RefusingProxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => [client, redis].map((each) => each.destroy()));
    }
    redis.pipe(client);
    let rest = Buffer.alloc(0);
    client.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (let end = endOfCommand(rest); end > 0; end = endOfCommand(rest)) {
        if (refusing.refusal === undefined) redis.write(rest.subarray(0, end));
        else {
          client.write(`-${refusing.refusal}\r\n`);
          refused += 1;
          refusing.onRefused();
        }
        rest = rest.subarray(end);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  let refused = 0;
  const refusing: RefusingProxy = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refused() {
      return refused;
    },
    refusal,
    onRefused() {},
  };
  return refusing;
}

/** The length of the first command, an array of bulk strings; 0: it is incomplete. */
function endOfCommand(bytes: Buffer): number {
  let at = 0;
  const count = () => {
    const end = bytes.indexOf('\r\n', at);
    const number = end === -1 ? Number.NaN : Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return number;
  };
  for (let words = count(); words !== 0; words--) {
    if (Number.isNaN(words)) return 0;
    const length = count();
    if (Number.isNaN(length)) return 0;
    at += length + 2;
  }
  return at <= bytes.length ? at : 0;
}
