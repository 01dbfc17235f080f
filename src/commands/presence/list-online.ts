/** `devstate list-online`: who is online now. */
import { type DeviceRecord, validType } from '../../core/model/device.js';
import { onlineChunks } from '../../core/query/list.js';
import { parseCount } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { hintWithoutDetector } from '../shared/detector-notices.js';
import { EXPIRES, IDENTITY, METADATA, pick, REGISTERED, SEEN } from '../shared/device-view.js';
import { Listing, orderOf } from '../shared/listing.js';

interface Options {
  type?: string;
  limit?: number;
  sort?: 'expires' | 'id';
  failIfEmpty?: boolean;
}

const fields = ['deviceId', 'deviceType', 'status', 'lastSeen', 'expiresAt'] as const;
const ONLINE: View<DeviceRecord> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, SEEN, EXPIRES],
  wide: [REGISTERED, METADATA],
  empty: 'no devices online',
};

export const listOnline = command<Options>({
  name: 'list-online',
  group: 'Presence',
  summary: 'List the devices that are online now',
  arguments: [],
  options: [
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--limit <n>', summary: 'at most so many', parse: parseCount },
    {
      flags: '--sort <key>',
      summary: 'in this order; by id, and on a shared fleet, it holds the whole list first',
      values: ['expires', 'id'],
    },
    { flags: '--fail-if-empty', summary: 'exit 4 if there are none' },
  ],
  examples: [
    'devstate list-online',
    'devstate list-online --type meter --sort expires --limit 10',
    'devstate list-online -o name | xargs devstate get',
  ],
  async run(context, _args, options) {
    const { type, ...listed } = options;
    const listing = new Listing(context, listed); // whatever the type, the index has them in order
    const { sort } = listed;
    const query = {
      ...(type !== undefined && { type }),
      ...(sort && { order: orderOf(sort) }),
      withMetadata: context.print.format === 'wide' && context.print.human,
    };
    const code = await listing.print(ONLINE, (fleet, hearing) =>
      onlineChunks(fleet, { ...query, ...hearing }),
    );
    await hintWithoutDetector(context, await context.fleet(), 'run devstate detect');
    return code;
  },
});
