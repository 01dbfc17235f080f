/** `devstate get ID…`: the whole state, as it is or as it was. */
import { type PastState, stateAt } from '../core/history.js';
import { readDevice } from '../core/records.js';
import { parseMoment } from '../input/moment.js';
import { Batch, eachId, isSingle } from './batch.js';
import { type Context, command } from './command.js';
import { pastDevice, WHOLE_DEVICE, type WholeDevice, wholeDevice } from './device-view.js';

interface Options {
  at?: string;
}

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
    const fleet = await context.fleet();
    const read = async (id: string): Promise<WholeDevice> =>
      moment === undefined
        ? wholeDevice(await readDevice(fleet, id))
        : past(context, id, await stateAt(fleet, id, moment));
    if (isSingle(ids)) return context.print.one(WHOLE_DEVICE, await read(ids[0] as string));
    const batch = new Batch(context);
    await context.print.list(WHOLE_DEVICE, batch.map(eachId(context, ids), read));
    return batch.code;
  },
});

/** What history does not reach is said, with the moment from which on it does. */
function past({ notice }: Context, id: string, state: PastState): WholeDevice {
  for (const [kind, since] of Object.entries(state.unknown)) {
    const from = since === null ? 'not known' : `known from ${new Date(since).toISOString()} on`;
    notice(`${id}: ${kind} is ${from}`);
  }
  return pastDevice(state);
}
