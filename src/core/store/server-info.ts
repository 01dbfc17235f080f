/** What the servers of a fleet say of themselves in their replies to INFO. */
import type { Fleet } from './fleet.js';

/**
 * Returns the fields of a section of INFO, for each server of the fleet. A server that does not answer, or denies INFO to
 * the user, is left out. It never rejects.
 */
export async function serverInfo(fleet: Fleet, section: string): Promise<ReadonlyMap<string, string>[]> {
  const { sendToServer } = await import('./send-to-server.js'); // loads ioredis, which `--help` must not
  const replies = await Promise.allSettled(
    fleet.servers().map((server) => fleet.send(() => sendToServer(server, ['info', section]))),
  );
  return replies
    .filter((outcome) => outcome.status === 'fulfilled')
    .map(({ value: { reply } }) => fieldsOf(reply));
}

/** Reads lines such as `maxmemory:0`; those without a colon are titles. */
function fieldsOf(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
