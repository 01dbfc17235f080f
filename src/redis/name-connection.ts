/** Gives a new connection the name that the caller chose for CLIENT LIST. */
import type { Redis } from 'ioredis';

/** Must be called at each connection. @param name undefined or null (the default of ioredis): the connection gets none */
export function nameConnection(client: Redis, name: string | null | undefined): void {
  if (!name) return;
  client.client('SETNAME', name).catch(() => {}); // the name only informs: a user may be denied CLIENT, and the connection works without it
}
