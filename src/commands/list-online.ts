/** `devstate list-online`: who is online now. */
import { type DeviceRecord, validType } from '../core/device.js';
import { compareIds, onlineDevices } from '../core/queries.js';
import { parseCount } from '../input/duration.js';
import type { View } from '../output/view.js';
import { command } from './command.js';
import { hintWithoutDetector } from './detecting.js';
import { DEVICE, EXPIRES, METADATA, pick, REGISTERED } from './device-view.js';
import { Listing } from './listing.js';

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
  columns: [...DEVICE, EXPIRES],
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
      summary: 'in this order; holds the whole list first',
      values: ['expires', 'id'],
    },
    { flags: '--fail-if-empty', summary: 'exit 4 if there are none' },
  ],
  examples: [
    'devstate list-online',
    'devstate list-online --type meter --sort expires --limit 10',
    'devstate list-online -o name | xargs devstate get',
  ],
  async run(context, _args, { sort, ...options }) {
    const listing = new Listing(context, options);
    const code = await listing.print(ONLINE, async (fleet) => {
      const devices = onlineDevices(fleet, { ...options, onProblem: listing.onProblem });
      return sort === undefined ? devices : sorted(devices, sort, context.waiting('sorting'));
    });
    await hintWithoutDetector(context, await context.fleet(), 'run devstate detect');
    return code;
  },
});

async function sorted(
  devices: AsyncIterable<DeviceRecord>,
  key: 'expires' | 'id',
  waiting: { stop(): void },
): Promise<DeviceRecord[]> {
  try {
    const all: DeviceRecord[] = [];
    for await (const device of devices) all.push(device);
    return all.sort((a, b) => (key === 'expires' ? deadline(a) - deadline(b) : 0) || compareIds(a, b));
  } finally {
    waiting.stop();
  }
}

/** One without a TTL goes last. */
function deadline({ expiresAt }: DeviceRecord): number {
  return expiresAt ?? Number.MAX_SAFE_INTEGER;
}
