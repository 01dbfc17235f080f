/** Gives a new connection the name that the caller chose for CLIENT LIST. */
import type { Redis } from 'ioredis';

/** Must be called at each connection. @param name undefined: the connection gets none */
export function nameConnection(client: Redis, name: string | undefined): void {
  if (name === undefined) return;
  client.client('SETNAME', name).catch(() => {}); // the name only informs: a user may be denied CLIENT, and the connection works without it
}
