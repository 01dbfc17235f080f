/** `devstate get ID…`: the whole state of devices, now or at a past moment. */
import { awaitItemResult, type ItemResult, itemResultOf, unwrapOne } from '../../core/async/item-results.js';
import { sendEach } from '../../core/async/send-batches.js';
import { stateAt } from '../../core/history/state-at.js';
import { validId } from '../../core/model/identifiers.js';
import { readDevice, readWholeDevices } from '../../core/query/read-devices.js';
import type { Fleet } from '../../core/store/fleet.js';
import { readFleetTime } from '../../core/store/server-time.js';
import { momentTime, parseMoment } from '../../input/moment.js';
import { BatchRunner } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { idBatches, isSingle } from '../shared/device-ids.js';
import { WHOLE_DEVICE } from './device-view.js';
import { pastDevice, type WholeDevice, wholeDevice } from './whole-device.js';

interface Options {
  at?: string;
}

/**
 * The number of devices read at once. It is small, because a record may have megabytes, and takes several times as
 * much memory once parsed.
 */
const DEVICES_PER_BATCH = 20;

export const get = command<Options>({
  name: 'get',
  group: 'Devices',
  summary: 'Show the whole state of devices',
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [
    { flags: '--at <moment>', summary: 'the state at a past moment: 2h ago, 2026-11-24T10:00Z, epoch ms' },
  ],
  examples: [
    'devstate get sensor-001',
    'devstate get sensor-001 --json | jq .reportedState',
    'devstate get sensor-001 --at 2h',
    'devstate get a b c -o wide',
  ],
  async run(context, ids, { at }) {
    context.print.check(WHOLE_DEVICE);
    const parsed = at === undefined ? undefined : parseMoment(at);
    if (isSingle(ids)) validId(ids[0]);
    const fleet = await context.fleet();
    const moment = parsed && (await momentTime(parsed, () => readFleetTime(fleet)));
    const readBatch = (batch: readonly string[]) =>
      moment === undefined ? readPresent(fleet, batch) : readPast(context, fleet, batch, moment);
    if (isSingle(ids)) return context.print.one(WHOLE_DEVICE, unwrapOne(await readBatch(ids)));
    const runner = new BatchRunner(context);
    const { emptyNotice: _, ...view } = WHOLE_DEVICE; // no notice about an empty list: each missing device is reported by its id
    await context.print.list(view, runner.run(idBatches(context, ids, DEVICES_PER_BATCH), readBatch));
    return runner.errorCode;
  },
});

async function readPresent(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<WholeDevice>[]> {
  const records = isSingle(ids)
    ? [await awaitItemResult(readDevice(fleet, ids[0]))]
    : await readWholeDevices(fleet, ids);
  return records.map((record) => itemResultOf(() => wholeDevice(unwrapOne([record]))));
}

/**
 * Reads devices as they were at a past moment. For each part of a device (such as its reported state) that history
 * does not know at that moment, prints a notice: from which time on it is known, or that it is not known.
 */
async function readPast(
  { notice, times }: Context,
  fleet: Fleet,
  ids: readonly string[],
  moment: number,
): Promise<ItemResult<WholeDevice>[]> {
  const read = async (id: string): Promise<WholeDevice> => {
    const state = await stateAt(fleet, id, moment);
    for (const [kind, since] of Object.entries(state.unknown)) {
      const from = since === null ? 'not known' : `known from ${times.instant(since)} on`;
      notice(`${id}: ${kind} is ${from}`);
    }
    return pastDevice(state);
  };
  return sendEach(ids, read);
}
