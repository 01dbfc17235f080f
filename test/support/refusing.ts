/** A port before a Redis that answers commands itself with an error, for as long as it is told to. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RefusingPort {
  readonly url: string;
  /** How many commands it has refused. */
  readonly refused: number;
  /** From now on every command is refused with this; undefined: passed on. */
  refusal: string | undefined;
  /** Called with each refusal, which it may change for the next. */
  onRefused: () => void;
}

/** @param url of a server on a port; the port is closed when the test has finished */
export async function refusingPort(url: string, refusal: string): Promise<RefusingPort> {
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
  const refusing: RefusingPort = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refused() {
      return refused;
    },
    refusal,
    onRefused() {},
  };
  return refusing;
}

/** Where the first command ends, an array of bulk strings; 0: it is not whole yet. */
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
