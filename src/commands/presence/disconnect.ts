/** `devstate disconnect ID…`: marks devices offline at once, as when they disconnect themselves. */
import { type ItemResult, unwrapOne } from '../../core/async/item-results.js';
import { DevstateError } from '../../core/model/errors.js';
import { validId } from '../../core/model/identifiers.js';
import { disconnectAll } from '../../core/presence/disconnect.js';

import type { View } from '../../output/view.js';
import { BatchRunner } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import { confirmBulkWrite, YES } from '../shared/confirm.js';
import { idBatches, isSingle } from '../shared/device-ids.js';

interface Disconnection {
  deviceId: string;
  status: 'offline';
  wasOnline: boolean;
}

const DISCONNECTION: View<Disconnection> = {
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
  summary: 'Mark devices offline at once, as when they disconnect themselves',
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
    context.print.check(DISCONNECTION);
    if (isSingle(ids)) validId(ids[0]);
    if (!(await confirmBulkWrite(context, { yes, ids }, 'Take offline'))) return 'CONDITION';
    const fleet = await context.fleet();
    const disconnectBatch = async (batch: readonly string[]): Promise<ItemResult<Disconnection>[]> => {
      const results = await disconnectAll(fleet, batch);
      return results.map((wasOnline, i) =>
        wasOnline instanceof DevstateError
          ? wasOnline
          : { deviceId: batch[i] as string, status: 'offline', wasOnline },
      );
    };
    if (isSingle(ids)) return context.print.one(DISCONNECTION, unwrapOne(await disconnectBatch(ids)));
    const runner = new BatchRunner(context);
    await context.print.list(DISCONNECTION, runner.run(idBatches(context, ids), disconnectBatch));
    return runner.errorCode;
  },
});
