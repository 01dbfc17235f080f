/** `devstate disconnect ID…`: the device said goodbye. */

import { type ItemResult, unwrapOne } from '../../core/async/item-results.js';
import { validId } from '../../core/model/device.js';
import { DevstateError } from '../../core/model/errors.js';
import { disconnectAll } from '../../core/presence/heartbeats.js';
import type { View } from '../../output/view.js';
import { Batch, idBatches, isSingle } from '../shared/batch.js';
import { command } from '../shared/command.js';
import { confirmedInBulk, YES } from '../shared/confirm.js';

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

interface Options {
  yes?: boolean;
}

export const disconnect = command<Options>({
  name: 'disconnect',
  group: 'Presence',
  summary: 'Take devices offline at once, as their own goodbye does',
  writes: true,
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [YES],
  examples: [
    'devstate disconnect sensor-001',
    'devstate list-online --type meter -o name | devstate disconnect -',
  ],
  async run(context, ids, { yes }) {
    context.print.check(GOODBYE);
    if (isSingle(ids)) validId(ids[0]);
    if (!(await confirmedInBulk(context, { yes, ids }, 'Take offline'))) return 'CONDITION';
    const fleet = await context.fleet();
    const goodbyes = async (all: readonly string[]): Promise<ItemResult<Goodbye>[]> => {
      const found = await disconnectAll(fleet, all);
      return found.map((wasOnline, i) =>
        wasOnline instanceof DevstateError
          ? wasOnline
          : { deviceId: all[i] as string, status: 'offline', wasOnline },
      );
    };
    if (isSingle(ids)) return context.print.one(GOODBYE, unwrapOne(await goodbyes(ids)));
    const batch = new Batch(context);
    await context.print.list(GOODBYE, batch.each(idBatches(context, ids), goodbyes));
    return batch.code;
  },
});
