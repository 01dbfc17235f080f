/**
 * The Redis permissions of a device that has a login of its own. Whoever knows its password can harm this device alone:
 * - no EVAL: one endless script would stop the server for everybody
 * - plain commands on exactly the keys of the device, in exactly its partition; no key is shared with other devices
 * - SUBSCRIBE on exactly the device's command channel; no PUBLISH
 * - no `devices:meta`: the program is given its settings as options (`FleetOptions` with the role `device`)
 */
import { quote, usageError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import { Keyspace } from '../model/keyspace.js';
import { partitionNumber } from '../store/partition-number.js';

/** How the server is reached, which decides what a client sends to connect. */
export type Topology = 'server' | 'sentinel' | 'cluster';

/** What `heartbeat`, `disconnect`, a read of the device, and the subscription to its commands send. */
const COMMANDS =
  'ping time watch unwatch multi exec set hmget hget hset pttl exists rpush ltrim subscribe unsubscribe';

/** What a client sends beside that to find the master, or the node that holds the keys. */
const TOPOLOGY_COMMANDS: Record<Topology, readonly string[]> = {
  server: [],
  sentinel: ['hello'],
  cluster: ['cluster|slots', 'asking'],
};

export function deviceCommands(topology: Topology): string[] {
  return [...COMMANDS.split(' '), ...TOPOLOGY_COMMANDS[topology]];
}

/**
 * Returns the keys of the devices that their logins may use.
 * @param partitions the number of partitions of the fleet
 * @throws DevstateError USAGE: an id is not valid, or has a space
 */
export function deviceKeys(namespace: string, partitions: number, ids: readonly string[]): string[] {
  return ids.flatMap((id) => {
    checkLoginId(id);
    const keys = new Keyspace(namespace, partitions === 1 ? undefined : partitionNumber(id, partitions));
    return [keys.state(id), keys.heartbeat(id), keys.fence(id), keys.history('reported', id)];
  });
}

/** Returns the channels on which the devices receive their commands. */
export function deviceChannels(namespace: string, ids: readonly string[]): string[] {
  const keys = new Keyspace(namespace);
  return ids.map((id) => keys.commandsChannel(id));
}

/**
 * Refuses an id of which no ACL pattern can be made that matches this id alone: a pattern cannot contain a space, and
 * `?` in its place would also match the ids that have another character there. All other characters can be escaped.
 */
function checkLoginId(id: string): void {
  validId(id);
  if (id.includes(' '))
    throw usageError(
      `no ACL line for ${quote(id)}: Redis takes no space in a key pattern, so the device cannot have a login of its own`,
    );
}
