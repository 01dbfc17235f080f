/** Changes what becomes of the commands that devstate sends on a client. */
import type { Redis } from 'ioredis';

/** What becomes of a command; of one in a batch only whether it is sent. `send` sends it, and resolves with its reply. */
type Handler = (
  words: readonly [name: string, ...args: string[]],
  send: () => Promise<unknown>,
) => Promise<unknown>;

/** Passes the commands to `handle`, until the returned function is called. */
export function interceptCommands(client: Redis, handle: Handler): () => void {
  const { sendCommand } = client;
  client.sendCommand = (...sent) => {
    const [{ name, args }] = sent;
    return handle([name, ...args.map(String)], () => sendCommand.apply(client, sent) as Promise<unknown>);
  };
  return () => {
    client.sendCommand = sendCommand;
  };
}
