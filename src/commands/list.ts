/** `devstate list`: any part of the fleet. */

import { validType } from '../core/device.js';
import { listDevices } from '../core/queries.js';
import { parseCount } from '../input/duration.js';
import { command } from './command.js';
import { DEVICE_LIST, WHOLE_DEVICE, wholeDevice } from './device-view.js';
import { Listing } from './listing.js';

interface Options {
  status?: 'online' | 'offline' | 'never';
  type?: string;
  withState?: boolean;
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
    // `wide` shows the documents as text: they are read, but need not be JSON.
    const documents = withState || (context.print.format === 'wide' && context.print.human);
    const query = { ...options, withState: documents, onProblem: listing.onProblem };
    if (!withState) return listing.print(DEVICE_LIST, async (fleet) => listDevices(fleet, query));
    return listing.print(WHOLE_DEVICE, async (fleet) =>
      listing.batch.map(listDevices(fleet, query), async (row) => wholeDevice(row)),
    );
  },
});
