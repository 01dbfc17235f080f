/** `devstate stats`: how many devices there are of each kind, once or every two seconds. */
import { quote } from '../../core/model/errors.js';
import { countRegistered } from '../../core/query/list.js';
import type { DeviceReading } from '../../core/query/read-devices.js';
import { type FleetStats, fleetStats } from '../../core/query/stats.js';
import type { Column, View } from '../../output/view.js';
import { Batch } from '../shared/batch.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { pick } from '../shared/device-view.js';
import { everyBeat, Outage } from '../shared/every.js';

interface Options {
  by?: 'type';
  watch?: boolean;
}

const WATCH_EVERY_MS = 2000;

const COUNTS = ['registered', 'online', 'offline', 'neverSeen', 'lapsed'] as const;
const HEADERS = {
  registered: 'REGISTERED',
  online: 'ONLINE',
  offline: 'OFFLINE',
  neverSeen: 'NEVER-SEEN',
  lapsed: 'LAPSED',
};
const countColumns = COUNTS.map(
  (name): Column<FleetStats> => ({ header: HEADERS[name], width: 8, cell: (row) => String(row[name]) }),
);
const TIME: Column<FleetStats> = { header: 'TIME', width: 24, cell: ({ at }, times) => times.instant(at) };
const TYPE: Column<FleetStats> = { header: 'TYPE', width: 18, cell: ({ deviceType }) => deviceType ?? '-' };

const FLEET: View<FleetStats> = {
  fields: ['at', ...COUNTS],
  json: (row) => pick(row, ['at', ...COUNTS]),
  name: ({ registered }) => String(registered),
  columns: countColumns,
  sheet: (row) => COUNTS.map((name) => [HEADERS[name], String(row[name])] as const),
};
const TYPES: View<FleetStats> = {
  ...FLEET,
  fields: ['at', 'deviceType', ...COUNTS],
  json: (row) => pick(row, ['at', 'deviceType', ...COUNTS]),
  name: ({ deviceType }) => deviceType ?? '-',
  columns: [TYPE, ...countColumns],
  empty: 'no devices',
};

export const stats = command<Options>({
  name: 'stats',
  group: 'Devices',
  summary: 'Count devices: registered, online, offline, never seen, lapsed and not yet found',
  arguments: [],
  options: [
    { flags: '--by <what>', summary: 'a row for each', values: ['type'] },
    { flags: '--watch', summary: 'again every two seconds, until stopped' },
  ],
  examples: ['devstate stats', 'devstate stats --by type', 'devstate stats --watch -o ndjson'],
  async run(context, _args, { by, watch = false }) {
    const view = by === undefined ? FLEET : TYPES;
    context.print.check(view);
    if (watch) return watching(context, view, by === 'type');
    const fleet = await context.fleet();
    const problems = new Problems(context);
    const progress = context.progress(context.terminal.stderr ? { total: await countRegistered(fleet) } : {});
    let rows: FleetStats[];
    try {
      rows = await fleetStats(fleet, {
        byType: by === 'type',
        onLooked: (count) => progress.at(count),
        onProblem: problems.hear,
      });
    } finally {
      progress.stop();
    }
    if (by === undefined) for (const row of rows) await context.print.one(view, row);
    else await context.print.list(view, rows);
    return problems.tell();
  },
});

async function watching(context: Context, view: View<FleetStats>, byType: boolean) {
  const outage = new Outage(context);
  const fleet = await context.fleet({ persistent: true, onLost: () => outage.begin('connection lost') });
  const problems = new Problems(context);
  async function* round(): AsyncGenerator<FleetStats> {
    yield* await fleetStats(fleet, { byType, onProblem: problems.hear });
  }
  const rhythm = { every: WATCH_EVERY_MS, count: undefined, goesOn: () => true };
  await context.print.stream(
    { ...view, columns: [TIME, ...view.columns] },
    everyBeat(context, rhythm, round, outage),
  );
  return problems.tell();
}

/** What cannot be counted: each broken record is said once; those that are none, together. */
class Problems {
  readonly #batch: Batch;
  readonly #context: Context;
  readonly #told = new Set<string>();
  readonly #incomplete = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
    this.#batch = new Batch(context);
  }

  readonly hear = ({ id, error }: DeviceReading): void => {
    if (!error) this.#incomplete.add(id);
    else if (!this.#told.has(id)) this.#batch.fail(error);
    this.#told.add(id);
  };

  tell() {
    const [example] = this.#incomplete;
    if (example !== undefined)
      this.#context.notice(
        `${this.#incomplete.size} without a registered record not counted, ${quote(example)} among them`,
      );
    return this.#batch.failed > 0 ? ('PARTIAL' as const) : undefined;
  }
}
