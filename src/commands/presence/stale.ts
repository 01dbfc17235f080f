/** `devstate stale`: who has not been seen for long. */
import { validType } from '../../core/model/device.js';
import { type StaleDevice, staleChunks } from '../../core/query/stale.js';
import { parseDuration } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { IDENTITY, METADATA, pick, REGISTERED, SEEN } from '../shared/device-view.js';
import { Listing } from '../shared/listing.js';

interface Options {
  olderThan?: number;
  type?: string;
  never: boolean;
  failIfEmpty?: boolean;
}

const fields = ['deviceId', 'deviceType', 'status', 'lastSeen', 'ageSeconds'] as const;
const STALE: View<StaleDevice> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, SEEN],
  wide: [REGISTERED, METADATA],
  empty: 'no stale devices',
};

export const stale = command<Options>({
  name: 'stale',
  group: 'Presence',
  summary: 'List devices that have not been seen for long, oldest first',
  arguments: [],
  options: [
    {
      flags: '--older-than <duration>',
      summary: 'not seen for that long (default 1h)',
      parse: parseDuration,
    },
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--no-never', summary: 'leave out devices that were never seen' },
    { flags: '--fail-if-empty', summary: 'exit 4 if there are none' },
  ],
  examples: [
    'devstate stale',
    'devstate stale --older-than 7d --no-never -o name',
    'devstate stale --type meter --json',
  ],
  async run(context, _args, { olderThan, type, never, failIfEmpty = false }) {
    const listing = new Listing(context, { failIfEmpty });
    const query = {
      ...(olderThan !== undefined && { olderThan }),
      ...(type !== undefined && { type }),
      never,
      withMetadata: context.print.format === 'wide' && context.print.human,
    };
    return listing.print(STALE, (fleet, hearing) => staleChunks(fleet, { ...query, ...hearing }));
  },
});
