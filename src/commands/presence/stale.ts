/** `devstate stale`: the devices that were not seen for a given time, or never. */
import { type StaleDevice, staleChunks } from '../../core/query/stale.js';
import { parseDuration } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { FAIL_IF_EMPTY, ONLY_TYPE } from '../shared/common-options.js';
import { IDENTITY, LAST_SEEN, METADATA, REGISTERED } from '../shared/device-columns.js';
import { DeviceListPrinter } from '../shared/device-list-printer.js';
import { pickFields } from '../shared/pick-fields.js';

interface Options {
  olderThan?: number;
  type?: string;
  never: boolean;
  failIfEmpty?: boolean;
}

const fields = ['deviceId', 'deviceType', 'status', 'lastSeen', 'ageSeconds'] as const;
const STALE: View<StaleDevice> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, LAST_SEEN],
  wide: [REGISTERED, METADATA],
  emptyNotice: 'no stale devices',
};

export const stale = command<Options>({
  name: 'stale',
  group: 'Presence',
  summary: 'List devices that have not been seen for a given time, oldest first',
  arguments: [],
  options: [
    {
      flags: '--older-than <duration>',
      summary: 'not seen for at least this long (default 1h)',
      parse: parseDuration,
    },
    ONLY_TYPE,
    { flags: '--no-never', summary: 'leave out devices that were never seen' },
    FAIL_IF_EMPTY,
  ],
  examples: [
    'devstate stale',
    'devstate stale --older-than 7d --no-never -o name',
    'devstate stale --type meter --json',
  ],
  async run(context, _args, { olderThan, type, never, failIfEmpty = false }) {
    const printer = new DeviceListPrinter(context, { failIfEmpty });
    const query = {
      ...(olderThan !== undefined && { olderThan }),
      ...(type !== undefined && { type }),
      never,
      withMetadata: context.print.format === 'wide' && context.print.isHumanReadable,
    };
    return printer.print(STALE, (fleet, callbacks) => staleChunks(fleet, { ...query, ...callbacks }));
  },
});
