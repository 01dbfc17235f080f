/** `devstate init`: declares what the fleet is, in `devices:meta`. */
import { declareLayout, type Layout, partitionsText, type Writers } from '../core/layout.js';
import { countRegistered } from '../core/queries.js';
import type { View } from '../output/view.js';
import { command } from './command.js';
import { pick } from './device-view.js';

interface Options {
  writers?: Writers;
}

const fields = ['version', 'partitions', 'dialect', 'writers'] as const;
const LAYOUT: View<Layout> = {
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
      flags: '--writers <who>',
      summary:
        'exclusive: devstate alone, so that queries may go by the index, which is brought in line first',
      values: ['shared', 'exclusive'],
    },
  ],
  examples: ['devstate init --writers exclusive', 'devstate init --dialect python -n acme'],
  async run(context, _args, { writers }) {
    context.print.check(LAYOUT);
    const fleet = await context.fleet();
    const progress = context.progress(context.terminal.stderr ? { total: await countRegistered(fleet) } : {});
    let layout: Layout;
    try {
      layout = await declareLayout(fleet, {
        ...(writers && { writers }),
        onLooked: (count) => progress.at(count),
      });
    } finally {
      progress.stop();
    }
    await context.print.one(LAYOUT, layout);
  },
});
