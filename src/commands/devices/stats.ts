/** `devstate stats`: the number of devices by status, once or every two seconds. */
import { quote } from '../../core/model/errors.js';
import type { DeviceReading } from '../../core/query/read-devices.js';
import { countRegistered } from '../../core/query/registered-ids.js';
import { fleetStats } from '../../core/query/stats.js';
import type { FleetStats } from '../../core/query/stats-counter.js';
import type { Column, View } from '../../output/view.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { ItemFailures } from '../shared/item-failures.js';
import { connectPersistently } from '../shared/outage-notices.js';
import { pickFields } from '../shared/pick-fields.js';
import { repeatAtInterval } from '../shared/repeat-at-interval.js';

interface Options {
  by?: 'type';
  watch?: boolean;
}

const WATCH_INTERVAL_MS = 2000;

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
  json: (row) => pickFields(row, ['at', ...COUNTS]),
  name: ({ registered }) => String(registered),
  columns: countColumns,
  sheet: (row) => COUNTS.map((name) => [HEADERS[name], String(row[name])] as const),
};
const TYPES: View<FleetStats> = {
  ...FLEET,
  fields: ['at', 'deviceType', ...COUNTS],
  json: (row) => pickFields(row, ['at', 'deviceType', ...COUNTS]),
  name: ({ deviceType }) => deviceType ?? '-',
  columns: [TYPE, ...countColumns],
  emptyNotice: 'no devices',
};

export const stats = command<Options>({
  name: 'stats',
  group: 'Devices',
  summary: 'Count devices: registered, online, offline, never seen, and expired but not yet marked offline',
  arguments: [],
  options: [
    { flags: '--by <what>', summary: 'print one row for each value of this field', values: ['type'] },
    { flags: '--watch', summary: 'print every two seconds until stopped' },
  ],
  examples: ['devstate stats', 'devstate stats --by type', 'devstate stats --watch -o ndjson'],
  async run(context, _args, { by, watch = false }) {
    const view = by === undefined ? FLEET : TYPES;
    context.print.check(view);
    if (watch) return watchStats(context, view, by === 'type');
    const fleet = await context.fleet();
    const problems = new RecordProblems(context);
    const progress = context.progress(context.terminal.stderr ? { total: await countRegistered(fleet) } : {});
    let rows: FleetStats[];
    try {
      rows = await fleetStats(fleet, {
        byType: by === 'type',
        onProgress: (count) => progress.update(count),
        onProblem: problems.add,
      });
    } finally {
      progress.stop();
    }
    if (by === undefined) for (const row of rows) await context.print.one(view, row);
    else await context.print.list(view, rows);
    return problems.finish();
  },
});

async function watchStats(context: Context, view: View<FleetStats>, byType: boolean) {
  const { fleet, outage } = await connectPersistently(context);
  const problems = new RecordProblems(context);
  async function* round(): AsyncGenerator<FleetStats> {
    yield* await fleetStats(fleet, { byType, onProblem: problems.add });
  }
  await context.print.stream(
    { ...view, columns: [TIME, ...view.columns] },
    repeatAtInterval(context, { intervalMs: WATCH_INTERVAL_MS }, round, outage),
  );
  return problems.finish();
}

/**
 * Collects what `stats` cannot count. A broken record is reported once, even if `--watch` reads it in every round;
 * ids without a registered record are counted, and reported at the end.
 */
class RecordProblems {
  readonly #failures: ItemFailures;
  readonly #context: Context;
  readonly #seen = new Set<string>();
  readonly #unregistered = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
    this.#failures = new ItemFailures(context);
  }

  readonly add = ({ id, error }: DeviceReading): void => {
    if (!error) this.#unregistered.add(id);
    else if (!this.#seen.has(id)) this.#failures.recordOrThrow(error);
    this.#seen.add(id);
  };

  /** Prints how many ids have no registered record. Returns PARTIAL if a record was broken. */
  finish() {
    const [example] = this.#unregistered;
    if (example !== undefined)
      this.#context.notice(
        `ids without a registered record: ${this.#unregistered.size} not counted, for example ${quote(example)}`,
      );
    return this.#failures.count > 0 ? ('PARTIAL' as const) : undefined;
  }
}
