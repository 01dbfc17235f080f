/** `devstate list-online`: the devices that are online now. */
import type { DeviceRecord } from '../../core/model/device.js';
import { onlineChunks } from '../../core/query/list.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { FAIL_IF_EMPTY, LIMIT, ONLY_TYPE, sortOption } from '../shared/common-options.js';
import { EXPIRES, IDENTITY, LAST_SEEN, METADATA, REGISTERED } from '../shared/device-columns.js';
import { DeviceListPrinter, toOrder } from '../shared/device-list-printer.js';
import { pickFields } from '../shared/pick-fields.js';
import { warnWithoutDetector } from './detector-notices.js';

interface Options {
  type?: string;
  limit?: number;
  sort?: 'expires' | 'id';
  failIfEmpty?: boolean;
}

const fields = ['deviceId', 'deviceType', 'status', 'lastSeen', 'expiresAt'] as const;
const ONLINE: View<DeviceRecord> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [...IDENTITY, LAST_SEEN, EXPIRES],
  wide: [REGISTERED, METADATA],
  emptyNotice: 'no devices online',
};

export const listOnline = command<Options>({
  name: 'list-online',
  group: 'Presence',
  summary: 'List the devices that are online now',
  arguments: [],
  options: [ONLY_TYPE, LIMIT, sortOption(['expires', 'id']), FAIL_IF_EMPTY],
  examples: [
    'devstate list-online',
    'devstate list-online --type meter --sort expires --limit 10',
    'devstate list-online -o name | xargs devstate get',
  ],
  async run(context, _args, options) {
    const { type, sort, limit, failIfEmpty } = options;
    // `--type` is not passed to the printer. With it the printer would print the notice that sorting takes memory,
    // which is wrong for online devices: the index gives their order for a single type too.
    const printer = new DeviceListPrinter(context, {
      ...(sort && { sort }),
      ...(limit !== undefined && { limit }),
      ...(failIfEmpty !== undefined && { failIfEmpty }),
    });
    const query = {
      ...(type !== undefined && { type }),
      ...(sort && { order: toOrder(sort) }),
      withMetadata: context.print.format === 'wide' && context.print.isHumanReadable,
    };
    const code = await printer.print(ONLINE, (fleet, callbacks) =>
      onlineChunks(fleet, { ...query, ...callbacks }),
    );
    await warnWithoutDetector(context, await context.fleet(), 'run devstate detect');
    return code;
  },
});
