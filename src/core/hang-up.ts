import type { Redis } from 'ioredis';

/**
 * Ends a connection, and rejects what waits for it: `disconnect` alone leaves the commands
 * of a client that is coming back waiting for ever.
 */
export function hangUp(redis: Redis): void {
  if (redis.status === 'reconnecting') redis.connect().catch(() => {});
  redis.disconnect();
}
