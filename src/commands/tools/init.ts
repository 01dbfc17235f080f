/** `devstate init`: declares what the fleet is, in `devices:meta`. */

import {
  declareFleet,
  type FleetLayout,
  MAX_PARTITIONS,
  partitionsText,
  type Writers,
} from '../../core/admin/declare-fleet.js';
import { usageError } from '../../core/model/errors.js';
import { countRegistered } from '../../core/query/list.js';
import { parseCount } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { pick } from '../shared/device-view.js';

interface Options {
  partitions?: number;
  writers?: Writers;
}

const fields = ['version', 'partitions', 'dialect', 'writers'] as const;
const LAYOUT: View<FleetLayout> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ writers }) => writers,
  columns: [],
  line: ({ version, partitions, dialect, writers }) =>
    `layout version ${version}, ${partitionsText(partitions)}, dialect ${dialect}, ${writers} writers`,
};

export const init = command<Options>({
  name: 'init',
  group: 'Tools',
  summary: 'Declare what the fleet is: its dialect, and whether other programs write to it',
  writes: true,
  arguments: [],
  options: [
    {
      flags: '--partitions <n>',
      summary: 'how many parts its keys are in, while it holds no devices; a cluster needs some, say 64',
      parse: parsePartitions,
    },
    {
      flags: '--writers <who>',
      summary:
        'exclusive: devstate alone, so that queries may go by the index, which is brought in line first',
      values: ['shared', 'exclusive'],
    },
  ],
  examples: [
    'devstate init --partitions 64',
    'devstate init --writers exclusive',
    'devstate init --dialect python -n acme',
  ],
  async run(context, _args, { partitions, writers }) {
    context.print.check(LAYOUT);
    const fleet = await context.fleet();
    // Cut anew it holds no devices; before it is, a cluster cannot be asked how many there are.
    const counts = context.terminal.stderr && partitions === undefined;
    const progress = context.progress(counts ? { total: await countRegistered(fleet) } : {});
    let layout: FleetLayout;
    try {
      layout = await declareFleet(fleet, {
        ...(partitions !== undefined && { partitions }),
        ...(writers && { writers }),
        onLooked: (count) => progress.at(count),
      });
    } finally {
      progress.stop();
    }
    await context.print.one(LAYOUT, layout);
  },
});

/** @throws DevstateError USAGE */
function parsePartitions(text: string): number {
  const count = parseCount(text);
  if (count > MAX_PARTITIONS) throw usageError(`${count} are too many`, `up to ${MAX_PARTITIONS}`);
  return count;
}
