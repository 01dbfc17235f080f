/** `devstate list`: the registered devices, filtered by status and type. */
import { listChunks } from '../../core/query/list.js';
import { command } from '../shared/command.js';
import { FAIL_IF_EMPTY, LIMIT, ONLY_TYPE, sortOption } from '../shared/common-options.js';
import { DeviceListPrinter, type SortKey, toOrder } from '../shared/device-list-printer.js';
import { DEVICE_LIST, WHOLE_DEVICE } from './device-view.js';
import { wholeDevice } from './whole-device.js';

interface Options {
  status?: 'online' | 'offline' | 'never';
  type?: string;
  withState?: boolean;
  sort?: SortKey;
  limit?: number;
  failIfEmpty?: boolean;
}

export const list = command<Options>({
  name: 'list',
  group: 'Devices',
  summary: 'List registered devices',
  arguments: [],
  options: [
    {
      flags: '--status <status>',
      summary: 'only devices with this status',
      values: ['online', 'offline', 'never'],
    },
    ONLY_TYPE,
    { flags: '--with-state', summary: 'include reported and desired state and metadata' },
    sortOption(['id', 'last-seen', 'expires']),
    LIMIT,
    FAIL_IF_EMPTY,
  ],
  examples: [
    'devstate list --type meter',
    'devstate list --status never -o name',
    'devstate list --with-state -o ndjson',
  ],
  async run(context, _args, { withState = false, ...options }) {
    const printer = new DeviceListPrinter(context, options);
    const { type, status, sort } = options;
    const query = {
      ...(type !== undefined && { type }),
      ...(status && { status }),
      ...(sort && { order: toOrder(sort) }),
      // The documents are read for `-o wide` too, which prints them as they are stored. They are parsed only with
      // `--with-state`.
      withState: withState || (context.print.format === 'wide' && context.print.isHumanReadable),
    };
    if (!withState)
      return printer.print(DEVICE_LIST, (fleet, callbacks) => listChunks(fleet, { ...query, ...callbacks }));
    return printer.print(WHOLE_DEVICE, (fleet, callbacks) =>
      printer.mapRows(listChunks(fleet, { ...query, ...callbacks }), wholeDevice),
    );
  },
});
