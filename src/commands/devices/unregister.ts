/** `devstate unregister ID…`: removes devices and all data about them. */
import { type ItemResult, unwrapOne } from '../../core/async/item-results.js';
import { validId } from '../../core/model/identifiers.js';
import { unregisterAll } from '../../core/registry/unregister.js';

import type { View } from '../../output/view.js';
import { BatchRunner } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import { confirm, YES } from '../shared/confirm.js';
import { idBatches, isSingle } from '../shared/device-ids.js';

interface Options {
  yes?: boolean;
}
interface Removal {
  deviceId: string;
  removed: true;
}

const REMOVAL: View<Removal> = {
  fields: ['deviceId', 'removed'],
  json: (row) => ({ ...row }),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId }) => `${deviceId} removed`,
};

export const unregister = command<Options>({
  name: 'unregister',
  group: 'Devices',
  summary: 'Remove devices and all data about them',
  writes: true,
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [YES],
  examples: [
    'devstate unregister sensor-001',
    'devstate stale --older-than 90d -o name | devstate unregister - --yes',
  ],
  async run(context, ids, { yes }) {
    context.print.check(REMOVAL);
    if (isSingle(ids)) validId(ids[0]);
    const devices = isSingle(ids) ? JSON.stringify(ids[0]) : `${ids.length} devices`;
    const confirmation = {
      reason: 'this removes devices',
      question: `Remove ${devices} and all data about ${isSingle(ids) ? 'it' : 'them'}?`,
    };
    if (!(await confirm(context, { yes, ids }, confirmation))) return 'CONDITION';
    const fleet = await context.fleet();
    const removeBatch = async (batch: readonly string[]): Promise<ItemResult<Removal>[]> => {
      const results = await unregisterAll(fleet, batch);
      return results.map((error, i) => error ?? { deviceId: batch[i] as string, removed: true });
    };
    if (isSingle(ids)) return context.print.one(REMOVAL, unwrapOne(await removeBatch(ids)));
    const runner = new BatchRunner(context);
    await context.print.list(REMOVAL, runner.run(idBatches(context, ids), removeBatch));
    return runner.errorCode;
  },
});
