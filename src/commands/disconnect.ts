/** `devstate disconnect ID…`: the device said goodbye. */
import { disconnect as sayGoodbye } from '../core/heartbeats.js';
import type { View } from '../output/view.js';
import { Batch, eachId, isSingle } from './batch.js';
import { command } from './command.js';

interface Goodbye {
  deviceId: string;
  status: 'offline';
  wasOnline: boolean;
}

const GOODBYE: View<Goodbye> = {
  fields: ['deviceId', 'status', 'wasOnline'],
  json: (row) => ({ ...row }),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId, wasOnline }) => `${deviceId} ${wasOnline ? 'offline' : 'already offline'}`,
};

export const disconnect = command({
  name: 'disconnect',
  group: 'Presence',
  summary: 'Take devices offline at once, as their own goodbye does',
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [],
  examples: [
    'devstate disconnect sensor-001',
    'devstate list-online --type meter -o name | devstate disconnect -',
  ],
  async run(context, ids) {
    context.print.check(GOODBYE);
    const fleet = await context.fleet();
    const goodbye = async (deviceId: string): Promise<Goodbye> => ({
      deviceId,
      status: 'offline',
      wasOnline: await sayGoodbye(fleet, deviceId),
    });
    if (isSingle(ids)) return context.print.one(GOODBYE, await goodbye(ids[0] as string));
    const batch = new Batch(context);
    await context.print.list(GOODBYE, batch.map(eachId(context, ids), goodbye));
    return batch.code;
  },
});
