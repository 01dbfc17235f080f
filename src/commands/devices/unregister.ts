/** `devstate unregister ID…`: removes devices and all that is kept of them. */

import { type ItemResult, unwrapOne } from '../../core/async/item-results.js';
import { validId } from '../../core/model/device.js';
import { unregisterAll } from '../../core/registry/register.js';
import type { View } from '../../output/view.js';
import { Batch, idBatches, isSingle } from '../shared/batch.js';
import { command } from '../shared/command.js';
import { confirmed, YES } from '../shared/confirm.js';

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
  summary: 'Remove devices and all that is kept of them',
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
    const whom = isSingle(ids) ? JSON.stringify(ids[0]) : `${ids.length} devices`;
    const asked = {
      what: 'this removes devices',
      question: `Remove ${whom} and all that is kept of ${isSingle(ids) ? 'it' : 'them'}?`,
    };
    if (!(await confirmed(context, { yes, ids }, asked))) return 'CONDITION';
    const fleet = await context.fleet();
    const removals = async (all: readonly string[]): Promise<ItemResult<Removal>[]> => {
      const results = await unregisterAll(fleet, all);
      return results.map((error, i) => error ?? { deviceId: all[i] as string, removed: true });
    };
    if (isSingle(ids)) return context.print.one(REMOVAL, unwrapOne(await removals(ids)));
    const batch = new Batch(context);
    await context.print.list(REMOVAL, batch.each(idBatches(context, ids), removals));
    return batch.code;
  },
});
