/** Reads the time of a Redis server. In a cluster each master has its own clock, so each partition has its own time. */
import type { Fleet } from './fleet.js';
import type { Partition } from './partition.js';

/** Returns the time of the server that holds a partition's keys, epoch ms. @throws DevstateError CONNECTION */
export async function readServerTime(partition: Partition): Promise<number> {
  const [time] = await partition.pipeline([['time']]);
  return parseServerTime(time);
}

/** Returns the time of the server that holds the fleet's settings, epoch ms. @throws DevstateError CONNECTION */
export async function readFleetTime(fleet: Fleet): Promise<number> {
  const [time] = await fleet.sendMany([['time']], fleet.keys.meta);
  return parseServerTime(time);
}

/**
 * Returns the time of the server that holds the fleet's settings, epoch ms, as its replies told it, without a request.
 * Undefined: no reply has told the time since the server was connected.
 */
export function estimatedFleetTime({ link, keys }: Fleet): number | undefined {
  return link.clockOf(keys.meta)?.timeAt(performance.now());
}

/** Returns the time, epoch ms, that a reply to the command TIME gives in seconds and microseconds; NaN: it is no time. */
export function parseServerTime(reply: unknown): number {
  const [seconds, microseconds] = Array.isArray(reply) ? reply : [];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
