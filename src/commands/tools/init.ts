/**
 * `devstate init`: writes the layout of the fleet (partitions, dialect, writers, caps of history and log) to the hash
 * `devices:meta`, and shows it.
 */
import {
  declareFleet,
  type FleetLayout,
  partitionsText,
  type Writers,
} from '../../core/admin/declare-fleet.js';
import type { HistoryCaps } from '../../core/admin/trim-histories.js';
import { quote, usageError } from '../../core/model/errors.js';
import { HISTORY_KINDS } from '../../core/model/keyspace.js';
import { countRegistered } from '../../core/query/registered-ids.js';
import { HOLDS, type Hold, MAX_HISTORY_CAP, MAX_LOG_CAP } from '../../core/store/settings.js';

import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { warnOfEviction } from '../shared/eviction-warning.js';
import { parseCap, parsePartitions } from '../shared/global-options.js';
import { pickFields } from '../shared/pick-fields.js';

interface Options {
  partitions?: number;
  writers?: Writers;
  deviceLogins?: boolean;
  hold?: `${Hold}`;
  history?: HistoryCaps;
  logCap?: number;
}

const fields = [
  'version',
  'partitions',
  'dialect',
  'writers',
  'deviceLogins',
  'hold',
  'history',
  'logCap',
] as const;
const LAYOUT: View<FleetLayout> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ writers }) => writers,
  columns: [],
  line: ({ version, partitions, dialect, writers, deviceLogins, hold, history, logCap }) =>
    [
      `layout version ${version}`,
      partitionsText(partitions),
      `dialect ${dialect}`,
      `${writers} writers`,
      ...(deviceLogins ? ['device logins'] : []),
      `hold ${hold}`,
      `history ${HISTORY_KINDS.map((kind) => `${kind}=${history[kind]}`).join(' ')}`,
      `log ${logCap}`,
    ].join(', '),
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
    {
      flags: '--history <caps>',
      summary:
        'entries that the history of a device keeps, 0: none; longer ones are trimmed (default reported=20,desired=100,presence=100)',
      parse: parseCaps,
    },
    {
      flags: '--log-cap <n>',
      summary: 'presence events that the log of the fleet keeps, 0: none (default 100000)',
      parse: (text) => parseCap(text, MAX_LOG_CAP),
    },
  ],
  examples: [
    'devstate init --partitions 64',
    'devstate init --writers exclusive',
    'devstate init --dialect python -n acme',
    'devstate init --history reported=50,desired=0',
  ],
  async run(context, _args, { partitions, writers, deviceLogins, hold, history, logCap }) {
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
        ...(history && { history }),
        ...(logCap !== undefined && { logCap }),
        onProgress: (count) => progress.update(count),
      });
    } finally {
      progress.stop();
    }
    await context.print.one(LAYOUT, layout);
    await warnOfEviction(context, fleet);
  },
});

/** Parses caps by kind, as `reported=50,desired=100`. @throws DevstateError USAGE */
function parseCaps(list: string): HistoryCaps {
  const caps: HistoryCaps = {};
  for (const pair of list.split(',')) {
    const [name, cap, ...rest] = pair.split('=').map((word) => word.trim());
    const kind = HISTORY_KINDS.find((known) => known === name);
    if (!kind || cap === undefined || rest.length > 0 || caps[kind] !== undefined)
      throw usageError(
        `not caps of a history: ${quote(list)}`,
        `a number for each of ${HISTORY_KINDS.join(', ')}, or for some of them, as reported=50,desired=100`,
      );
    caps[kind] = parseCap(cap, MAX_HISTORY_CAP);
  }
  return caps;
}
