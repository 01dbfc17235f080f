/** Deletes all keys of a namespace. `devstate demo` uses it to remove the keys that it made. */
import { usageError } from '../model/errors.js';
import { escapeGlob } from '../model/escape-glob.js';
import type { Fleet } from '../store/fleet.js';
import { sendToServer } from '../store/send-to-server.js';

/**
 * Deletes every key, of any type, whose name begins with the fleet's namespace.
 * @throws DevstateError USAGE if the fleet has no namespace, because then every key of the database would be deleted;
 *   CONNECTION
 */
export async function eraseNamespace(fleet: Fleet): Promise<void> {
  const { namespace } = fleet.options;
  if (!namespace) throw usageError('only a fleet with a namespace can be erased');
  const pattern = `${escapeGlob(namespace)}:*`;
  for (const server of fleet.servers()) {
    let cursor = '0';
    do {
      const { reply } = await fleet.send(() =>
        sendToServer(server, ['scan', cursor, 'MATCH', pattern, 'COUNT', 500]),
      );
      const [next, keys] = reply;
      const unlinks = keys.map((key) => ['unlink', key] as const);
      await fleet.sendMany(unlinks, fleet.keys.meta);
      cursor = next;
    } while (cursor !== '0');
  }
}
