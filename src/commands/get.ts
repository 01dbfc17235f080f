/** `devstate get ID…`: the whole state. */
import { readDevice } from '../core/records.js';
import { Batch, eachId, isSingle } from './batch.js';
import { command } from './command.js';
import { WHOLE_DEVICE, wholeDevice } from './device-view.js';

export const get = command({
  name: 'get',
  group: 'Devices',
  summary: 'Show the whole state of devices',
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [],
  examples: [
    'devstate get sensor-001',
    'devstate get sensor-001 --json | jq .reportedState',
    'devstate get a b c -o wide',
  ],
  async run(context, ids) {
    context.print.check(WHOLE_DEVICE);
    const fleet = await context.fleet();
    if (isSingle(ids))
      return context.print.one(WHOLE_DEVICE, wholeDevice(await readDevice(fleet, ids[0] as string)));
    const batch = new Batch(context);
    const devices = batch.map(eachId(context, ids), async (id) => wholeDevice(await readDevice(fleet, id)));
    await context.print.list(WHOLE_DEVICE, devices);
    return batch.code;
  },
});
