/** `devstate list`: any part of the fleet. */

import { validType } from '../../core/model/device.js';
import { listChunks } from '../../core/query/list.js';
import { parseCount } from '../../input/duration.js';
import { command } from '../shared/command.js';
import { DEVICE_LIST, WHOLE_DEVICE, wholeDevice } from '../shared/device-view.js';
import { Listing, orderOf, type SortKey } from '../shared/listing.js';

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
    { flags: '--status <status>', summary: 'only these', values: ['online', 'offline', 'never'] },
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--with-state', summary: 'with reported, desired and metadata' },
    {
      flags: '--sort <key>',
      summary: 'in this order; by id, and on a shared fleet, it holds the whole list first',
      values: ['id', 'last-seen', 'expires'],
    },
    { flags: '--limit <n>', summary: 'at most so many', parse: parseCount },
    { flags: '--fail-if-empty', summary: 'exit 4 if there are none' },
  ],
  examples: [
    'devstate list --type meter',
    'devstate list --status never -o name',
    'devstate list --with-state -o ndjson',
  ],
  async run(context, _args, { withState = false, ...options }) {
    const listing = new Listing(context, options);
    const { type, status, sort } = options;
    const query = {
      ...(type !== undefined && { type }),
      ...(status && { status }),
      ...(sort && { order: orderOf(sort) }),
      // `wide` shows the documents as text: they are read, but need not be JSON.
      withState: withState || (context.print.format === 'wide' && context.print.human),
    };
    if (!withState)
      return listing.print(DEVICE_LIST, (fleet, hearing) => listChunks(fleet, { ...query, ...hearing }));
    return listing.print(WHOLE_DEVICE, (fleet, hearing) =>
      listing.shown(listChunks(fleet, { ...query, ...hearing }), wholeDevice),
    );
  },
});
