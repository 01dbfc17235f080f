/** `devstate list`: the registered devices, filtered by status and type. */
import { validType } from '../../core/model/identifiers.js';
import { listChunks } from '../../core/query/list.js';
import { parseCount } from '../../input/duration.js';
import { command } from '../shared/command.js';
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
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--with-state', summary: 'include reported and desired state and metadata' },
    {
      flags: '--sort <key>',
      summary:
        'sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first',
      values: ['id', 'last-seen', 'expires'],
    },
    { flags: '--limit <n>', summary: 'print at most this many', parse: parseCount },
    { flags: '--fail-if-empty', summary: 'exit 4 if the list is empty' },
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
      // `-o wide` prints the documents as stored text, so they are read but not parsed.
      withState: withState || (context.print.format === 'wide' && context.print.isHumanReadable),
    };
    if (!withState)
      return printer.print(DEVICE_LIST, (fleet, callbacks) => listChunks(fleet, { ...query, ...callbacks }));
    return printer.print(WHOLE_DEVICE, (fleet, callbacks) =>
      printer.mapRows(listChunks(fleet, { ...query, ...callbacks }), wholeDevice),
    );
  },
});
