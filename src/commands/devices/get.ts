/** `devstate get ID…`: the whole state, as it is or as it was. */

import { type ItemResult, itemFailure, sendValidItems, unwrapOne } from '../../core/async/item-results.js';
import { stateAt } from '../../core/history/state-at.js';
import { validId } from '../../core/model/device.js';
import { readDevice, readWholeDevices } from '../../core/query/read-devices.js';
import type { Fleet } from '../../core/store/fleet.js';
import { runInChunks } from '../../core/store/script-chunks.js';
import { parseMoment } from '../../input/moment.js';
import { Batch, idBatches, isSingle } from '../shared/batch.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { pastDevice, WHOLE_DEVICE, type WholeDevice, wholeDevice } from '../shared/device-view.js';

interface Options {
  at?: string;
}

/** A record may be megabytes, and much more once it is parsed. */
const WHOLE_AT_ONCE = 20;

export const get = command<Options>({
  name: 'get',
  group: 'Devices',
  summary: 'Show the whole state of devices',
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [{ flags: '--at <moment>', summary: 'as it was then: 2h ago, 2026-11-24T10:00Z, epoch ms' }],
  examples: [
    'devstate get sensor-001',
    'devstate get sensor-001 --json | jq .reportedState',
    'devstate get sensor-001 --at 2h',
    'devstate get a b c -o wide',
  ],
  async run(context, ids, { at }) {
    context.print.check(WHOLE_DEVICE);
    const moment = at === undefined ? undefined : parseMoment(at, context.now());
    if (isSingle(ids)) validId(ids[0]);
    const fleet = await context.fleet();
    const read = (all: readonly string[]) =>
      moment === undefined ? present(fleet, all) : past(context, fleet, all, moment);
    if (isSingle(ids)) return context.print.one(WHOLE_DEVICE, unwrapOne(await read(ids)));
    const batch = new Batch(context);
    const { empty: _, ...view } = WHOLE_DEVICE; // what is not there has been said by name
    await context.print.list(view, batch.each(idBatches(context, ids, WHOLE_AT_ONCE), read));
    return batch.code;
  },
});

async function present(fleet: Fleet, ids: readonly string[]): Promise<ItemResult<WholeDevice>[]> {
  const records = isSingle(ids)
    ? [await itemFailure(readDevice(fleet, ids[0]))]
    : await readWholeDevices(fleet, ids);
  return sendValidItems(
    records,
    (record) => wholeDevice(unwrapOne([record])),
    async (devices) => devices,
  );
}

/** What history does not reach is said, with the moment from which on it does. */
async function past(
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
  return runInChunks(ids, (chunk) => Promise.all(chunk.map((id) => itemFailure(read(id)))));
}
