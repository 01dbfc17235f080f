/** `devstate init`: writes the layout of the fleet (partitions, dialect, writers) to the hash `devices:meta`. */
import {
  declareFleet,
  type FleetLayout,
  partitionsText,
  type Writers,
} from '../../core/admin/declare-fleet.js';
import { countRegistered } from '../../core/query/registered-ids.js';
import { HOLDS, type Hold } from '../../core/store/settings.js';

import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { warnOfEviction } from '../shared/eviction-warning.js';
import { parsePartitions } from '../shared/global-options.js';
import { pickFields } from '../shared/pick-fields.js';

interface Options {
  partitions?: number;
  writers?: Writers;
  deviceLogins?: boolean;
  hold?: `${Hold}`;
}

const fields = ['version', 'partitions', 'dialect', 'writers', 'deviceLogins', 'hold'] as const;
const LAYOUT: View<FleetLayout> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ writers }) => writers,
  columns: [],
  line: ({ version, partitions, dialect, writers, deviceLogins, hold }) =>
    `layout version ${version}, ${partitionsText(partitions)}, dialect ${dialect}, ${writers} writers${deviceLogins ? ', device logins' : ''}, hold ${hold}`,
};

export const init = command<Options>({
  name: 'init',
  group: 'Tools',
  summary: 'Declare the layout of the fleet: partitions, dialect, and whether other programs write to it',
  writes: true,
  arguments: [],
  options: [
    {
      flags: '--partitions <n>',
      summary: 'number of partitions of the keys, only while there are no devices; use 64 on a cluster',
      parse: parsePartitions,
    },
    {
      flags: '--writers <who>',
      summary: 'exclusive: only devstate writes, so queries use the index, which is rebuilt first',
      values: ['shared', 'exclusive'],
    },
    {
      flags: '--device-logins',
      summary: 'devices have logins of their own (acl device): what they write is not trusted',
    },
    { flags: '--no-device-logins', summary: 'devices have no logins of their own' },
    {
      flags: '--hold <ttls>',
      summary:
        'how long all devices may be silent before they are marked offline, in TTLs; 0: no hold at all',
      values: HOLDS.map(String),
    },
  ],
  examples: [
    'devstate init --partitions 64',
    'devstate init --writers exclusive',
    'devstate init --dialect python -n acme',
  ],
  async run(context, _args, { partitions, writers, deviceLogins, hold }) {
    context.print.check(LAYOUT);
    const fleet = await context.fleet();
    // With `--partitions` the bar has no total: the fleet has no devices yet, and on a cluster without declared
    // partitions devices cannot be counted.
    const hasTotal = context.terminal.stderr && partitions === undefined;
    const progress = context.progress(hasTotal ? { total: await countRegistered(fleet) } : {});
    let layout: FleetLayout;
    try {
      layout = await declareFleet(fleet, {
        ...(partitions !== undefined && { partitions }),
        ...(writers && { writers }),
        ...(deviceLogins !== undefined && { deviceLogins }),
        ...(hold !== undefined && { hold: Number(hold) as Hold }),
        onProgress: (count) => progress.update(count),
      });
    } finally {
      progress.stop();
    }
    await context.print.one(LAYOUT, layout);
    await warnOfEviction(context, fleet);
  },
});
